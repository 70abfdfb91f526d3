/// Features that have no dependence measure, or statistics that do not belong together.
public struct ImportanceError: Error, Sendable, CustomStringConvertible {
  public enum Code: Sendable {
    /// NaN or infinity in a tap's features, or in a product of them; see ``faults``.
    case nonFiniteActivations
    /// Taps that are the same for every sample: their HSIC with themselves is zero; see ``faults``.
    case degenerateFeatures
    /// Features, centres or statistics whose shapes do not agree.
    case shapeMismatch
    /// Bytes that are no tile statistics.
    case corrupted
    /// Two results for one pair of tiles that differ.
    case conflict
    /// Too few samples for the estimator.
    case tooFewSamples
  }

  public let code: Code
  /// What failed, on which tap, and what to do.
  public let message: String
  /// Every tap concerned, where it is taps that are wrong.
  public let faults: [TapFault]

  public init(_ code: Code, _ message: String, faults: [TapFault] = []) {
    self.code = code
    self.message = message
    self.faults = faults
  }

  public var description: String { message }

  static func nonFinite(_ faults: [TapFault]) -> ImportanceError {
    ImportanceError(
      .nonFiniteActivations,
      """
      activations are not finite or overflow: \(list(faults)); \
      check the model and the scaling of its input
      """, faults: faults)
  }

  static func degenerate(_ faults: [TapFault], samples: Int) -> ImportanceError {
    ImportanceError(
      .degenerateFeatures,
      """
      taps without a dependence to measure over \(samples) samples: \(list(faults)); \
      leave them out or check the model
      """, faults: faults)
  }

  private static func list(_ faults: [TapFault]) -> String {
    faults.map { "tap \($0)" }.joined(separator: ", ")
  }
}
