import NetworkGraph

/// Nodes that are computed together.
struct FusedStep {
  enum Work {
    case layer(FusedLayer)
    /// Elementwise functions of one value.
    case functions([ElementwiseFunction])
    /// An elementwise operation on two values, then functions of the result.
    case pair(Elementwise, [ElementwiseFunction])
    case batchNormalization(BatchNormalization, endsInRelu: Bool)
    /// The node alone.
    case single
  }

  /// The places of its nodes, in order; the step runs at the last one's.
  var nodes: [Int]
  /// The first node: the one that names it in errors.
  var node: Node
  var work: Work
  /// Activations it reads.
  var inputs: [ValueID]
  var output: ValueID
}
