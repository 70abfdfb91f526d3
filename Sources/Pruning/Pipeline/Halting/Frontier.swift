import Execution
import NetworkGraph
import Tensors

/// A network halted before one of its nodes, for some samples that pass together: what it has
/// computed and still needs.
///
/// Advancing from layer to layer computes every node once, however many layers are looked at.
struct Frontier {
  /// By value: `[samples, …]`, in the order of the stretches.
  private(set) var values: [ValueID: Tensor]

  /// - Parameter values: The network's inputs, in the order of the stretches along which it is to
  ///   advance.
  init(values: [ValueID: Tensor]) { self.values = values }

  /// - Parameters:
  ///   - inputs: The network's inputs, in its order, row-major.
  ///   - order: That of the stretches along which it is to advance.
  init(_ network: Network, inputs: [Tensor], order: ChannelOrder = .first) {
    values = network.binding(inputs, order: order)
  }

  /// Runs the nodes of a stretch, which begins where the network is halted.
  ///
  /// - Returns: The tapped values.
  @discardableResult
  mutating func advance(along stretch: Stretch) throws -> [ValueID: Tensor] {
    guard !stretch.isEmpty else { return [:] }
    let outputs = stretch.segment.network.outputs
    for (id, value) in zip(outputs, try stretch.segment.values(outputs, on: values)) {
      values[id] = value
    }
    let tapped = values.filter { stretch.taps.contains($0.key) }
    values = values.filter { stretch.live.contains($0.key) }
    return tapped
  }
}

extension [Frontier] {
  /// All of them further along, each on one thread.
  func advanced(along stretch: Stretch, with runner: NetworkRunner) throws -> [Frontier] {
    try runner.map(count: count) {
      var frontier = self[$0]
      try frontier.advance(along: stretch)
      return frontier
    }
  }
}

/// Consecutive nodes of a network, which many frontiers advance along.
struct Stretch {
  /// What is read from its end on.
  let live: Set<ValueID>
  let taps: Set<ValueID>
  let isEmpty: Bool
  fileprivate let segment: Segment

  /// - Parameters:
  ///   - taps: Values among those computed on the way that are wanted besides.
  ///   - microBatch: Samples of a frontier, at most.
  ///   - order: Of the elements of a frontier's values.
  init(
    of network: Network, _ range: Range<Int>, taps: [ValueID] = [], on backend: any Backend,
    microBatch: Int, order: ChannelOrder = .first
  ) {
    let live = network.liveValues(before: range.upperBound)
    (self.live, self.taps, isEmpty) = (Set(live), Set(taps), range.isEmpty)
    segment = Segment(
      network.segment(range, outputs: live + taps.filter { !live.contains($0) }), on: backend,
      microBatch: microBatch, order: order)
  }
}

extension Network {
  /// Row-major tensors by the inputs that they are for, in the order of the inputs, brought into an
  /// order of channels.
  func binding(_ tensors: [Tensor], order: ChannelOrder) -> [ValueID: Tensor] {
    var values = binding(tensors)
    for (id, value) in values { values[id] = order.arranging(value, of: self[id].shape) }
    return values
  }

  /// Activations that are there before node `position` and are read from it on.
  func liveValues(before position: Int) -> [ValueID] {
    let known = Set(inputs + nodes[..<position].map(\.output))
    let read = Set(nodes[position...].flatMap { $0.inputs.compactMap(\.self) })
    return known.intersection(read).sorted()
  }

  /// What one sample leaves where the network is halted before node `position`, in bytes.
  func liveBytes(before position: Int) -> Int {
    bytesPerSample(of: liveValues(before: position))
  }

  /// What activations of one sample take, in bytes.
  func bytesPerSample(of values: [ValueID]) -> Int {
    values.reduce(0) { $0 + 4 * self[$1].shape.elementsPerImage }
  }

  /// Some consecutive nodes as a network of their own, whose values keep their places.
  func segment(_ range: Range<Int>, outputs wanted: [ValueID]) -> Network {
    var result = self
    result.nodes = Array(nodes[range])
    let computed = Set(result.nodes.map(\.output))
    let read = Set(result.nodes.flatMap { $0.inputs.compactMap(\.self) })
    result.inputs = read.filter { !computed.contains($0) && self[$0].constant == nil }.sorted()
    result.outputs = wanted.filter(computed.contains)
    return result
  }

  /// Whether the network can be halted anywhere: every activation has the batch as its first axis.
  var canBeHalted: Bool {
    (inputs + nodes.map(\.output)).allSatisfy { self[$0].shape.dimensions.first == .batch }
  }
}

extension Tensor {
  /// Some of the samples, which are the first axis.
  func samples(_ range: Range<Int>) -> Tensor {
    let size = count / max(shape[0], 1)
    return Tensor(
      shape: [range.count] + shape.dropFirst(),
      elements: Array(elements[range.lowerBound * size..<range.upperBound * size]))
  }
}
