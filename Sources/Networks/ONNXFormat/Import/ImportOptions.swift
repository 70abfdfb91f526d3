/// How the axes of a file's inputs are understood.
public struct ImportOptions: Sendable, Hashable {
  public enum Batch: Sendable, Hashable {
    /// Axis 0 of every input and output is the batch.
    case leading
    /// No axis is the batch: all extents are fixed, and the network runs once per input.
    case none
  }

  public var batch: Batch
  /// Extents of dynamic axes, by the axis's name (`height`) or by input and axis (`image:2`).
  public var bindings: [String: Int]

  public init(batch: Batch = .leading, bindings: [String: Int] = [:]) {
    self.batch = batch
    self.bindings = bindings
  }
}
