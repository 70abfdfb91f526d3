/// The mean over `axes`.
public struct ReduceMean: Sendable, Hashable {
  /// Non-negative and sorted.
  public var axes: [Int]
  public var keepsAxes: Bool

  public init(axes: [Int], keepsAxes: Bool) {
    self.axes = axes
    self.keepsAxes = keepsAxes
  }
}

/// exp(x) / Σ exp(x) along one axis.
public struct Softmax: Sendable, Hashable {
  public var axis: Int

  public init(axis: Int) { self.axis = axis }
}
