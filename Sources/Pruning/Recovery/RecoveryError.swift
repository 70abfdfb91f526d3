/// A reconstruction that cannot be computed.
public struct RecoveryError: Error, Sendable, CustomStringConvertible {
  public enum Code: Sendable {
    /// A consumer of a kind that has no least-squares form here.
    case unsupported
    case shapeMismatch
    /// NaN or infinity in a consumer's inputs.
    case nonFiniteActivations
    /// A Gram matrix that stays indefinite after damping.
    case singular
    /// Bytes that are no record of the expected kind.
    case corrupted
  }

  public let code: Code
  /// What failed, on which layer, and what to do.
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  static func nonFinite(columns: Int) -> RecoveryError {
    RecoveryError(
      .nonFiniteActivations,
      """
      inputs of a layer of \(columns) columns are not finite or overflow; check the model \
      and the scaling of its input
      """)
  }

  public var description: String { message }
}
