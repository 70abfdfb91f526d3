/// Operators that move elements and compute none.

/// Axes before `axis` become one, axes from `axis` on another.
public struct Flatten: Sendable, Hashable {
  public var axis: Int

  public init(axis: Int = 1) { self.axis = axis }
}

/// The same elements under a target shape, every extent known but the batch's.
public struct Reshape: Sendable, Hashable {
  public var target: Shape

  public init(target: Shape) { self.target = target }
}

/// `start..<end` in steps of `step`, per axis; other axes stay whole.
public struct Slice: Sendable, Hashable {
  public struct Range: Sendable, Hashable {
    public var axis: Int
    /// Resolved: 0 ≤ start ≤ extent.
    public var start: Int
    /// Resolved and exclusive; never beyond the extent.
    public var end: Int
    /// Positive.
    public var step: Int

    public init(axis: Int, start: Int, end: Int, step: Int = 1) {
      self.axis = axis
      self.start = start
      self.end = end
      self.step = step
    }

    /// The indices it takes.
    public var indices: [Int] { Array(stride(from: start, to: end, by: step)) }
  }

  /// One entry per sliced axis.
  public var ranges: [Range]

  public init(ranges: [Range]) { self.ranges = ranges }
}

/// A constant border: `before` and `after` elements per axis.
public struct Pad: Sendable, Hashable {
  public var before: [Int]
  public var after: [Int]
  public var value: Float

  public init(before: [Int], after: [Int], value: Float = 0) {
    self.before = before
    self.after = after
    self.value = value
  }
}
