/// Maximum or average over windows of the spatial axes.
public struct Pooling: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    case maximum
    /// `countsPadding`: whether padded zeros count in the divisor (ONNX `count_include_pad`).
    case average(countsPadding: Bool)
  }

  public var kind: Kind
  /// Per spatial axis; nil means the whole extent (global pooling).
  public var kernel: [Int]?
  public var strides: [Int]
  public var padsBefore: [Int]
  public var padsAfter: [Int]
  /// Round the output extent up instead of down (ONNX `ceil_mode`).
  public var roundsUp: Bool

  public init(
    kind: Kind, kernel: [Int]?, strides: [Int] = [], padsBefore: [Int] = [], padsAfter: [Int] = [],
    roundsUp: Bool = false
  ) {
    self.kind = kind
    self.kernel = kernel
    let rank = kernel?.count ?? 0
    self.strides = strides.isEmpty ? Array(repeating: 1, count: rank) : strides
    self.padsBefore = padsBefore.isEmpty ? Array(repeating: 0, count: rank) : padsBefore
    self.padsAfter = padsAfter.isEmpty ? Array(repeating: 0, count: rank) : padsAfter
    self.roundsUp = roundsUp
  }
}
