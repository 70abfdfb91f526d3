/// Features that have no dependence measure, or statistics that do not belong together.
public struct ImportanceError: Error, Sendable, CustomStringConvertible {
  public enum Code: Sendable {
    /// NaN or infinity in a tap's features, or in a product of them.
    case nonFiniteActivations
    /// A tap that is the same for every sample: its HSIC with itself is zero.
    case degenerateFeatures
    /// Features, centres or statistics whose shapes do not agree.
    case shapeMismatch
    /// Bytes that are no tile statistics.
    case corrupted
    /// Too few samples for the estimator.
    case tooFewSamples
  }

  public let code: Code
  /// What failed, on which tap, and what to do.
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
