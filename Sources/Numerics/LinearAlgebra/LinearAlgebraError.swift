/// A factorisation that does not exist, or a record that cannot be read.
public struct LinearAlgebraError: Error, Sendable, CustomStringConvertible {
  public enum Code: Sendable {
    /// A leading minor of the matrix is not positive; ``info`` is its order.
    case notPositiveDefinite
    /// LAPACK refused an argument; ``info`` is minus its number.
    case illegalArgument
    /// Bytes that are no record of the expected kind.
    case corruptedRecord
  }

  public let code: Code
  /// LAPACK's `info`; zero where LAPACK was not involved.
  public let info: Int
  /// What failed, on what, and what to do.
  public let message: String

  public init(_ code: Code, info: Int = 0, _ message: String) {
    self.code = code
    self.info = info
    self.message = message
  }

  public var description: String { message }

  /// Throws what LAPACK's `info` of `routine` on a matrix of `order` says, if it says anything.
  static func check(_ info: Int32, routine: String, order: Int) throws(LinearAlgebraError) {
    if info > 0 {
      throw LinearAlgebraError(
        .notPositiveDefinite, info: Int(info),
        """
        \(routine): the leading minor of order \(info) of a \(order) × \(order) matrix is not \
        positive; add damping
        """)
    }
    if info < 0 {
      throw LinearAlgebraError(
        .illegalArgument, info: Int(info), "\(routine): argument \(-info) is illegal")
    }
  }
}
