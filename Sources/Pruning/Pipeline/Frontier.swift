import Execution
import NetworkGraph
import Parallelism
import Tensors

/// A network halted before one of its nodes, for many samples at once: what it has computed and
/// still needs.
///
/// Advancing from layer to layer computes every node once, however many layers are looked at.
struct Frontier {
  private(set) var position = 0
  /// By value: `[samples, …]`.
  private(set) var values: [ValueID: Tensor]

  /// - Parameter inputs: The network's inputs, in its order.
  init(_ network: Network, inputs: [Tensor]) {
    values = Dictionary(zip(network.inputs, inputs)) { first, _ in first }
  }

  /// Runs the nodes before `position`.
  ///
  /// - Parameter taps: Values among those computed on the way that are wanted besides.
  /// - Returns: The tapped values.
  @discardableResult
  mutating func advance(
    _ network: Network, to position: Int, taps: [ValueID] = [], with runner: NetworkRunner,
    microBatch: Int
  ) throws -> [ValueID: Tensor] {
    guard position > self.position else { return [:] }
    let live = network.liveValues(before: position)
    let segment = network.segment(
      self.position..<position, outputs: live + taps.filter { !live.contains($0) })
    let computed = try runner.run(segment, on: values, microBatch: microBatch)
    values.merge(computed) { _, new in new }
    let tapped = values.filter { taps.contains($0.key) }
    let needed = Set(live)
    values = values.filter { needed.contains($0.key) }
    self.position = position
    return tapped
  }
}

extension Network {
  /// Activations that are there before node `position` and are read from it on.
  func liveValues(before position: Int) -> [ValueID] {
    let known = Set(inputs + nodes[..<position].map(\.output))
    let read = Set(nodes[position...].flatMap { $0.inputs.compactMap(\.self) })
    return known.intersection(read).sorted()
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

extension NetworkRunner {
  /// The outputs of a network for all samples of its inputs, `[samples, …]` each.
  func run(
    _ network: Network, on values: [ValueID: Tensor], microBatch: Int
  ) throws -> [ValueID: Tensor] {
    let inputs = network.inputs.compactMap { values[$0] }
    guard let samples = inputs.first?.shape.first, inputs.count == network.inputs.count,
      !network.outputs.isEmpty
    else { return [:] }
    let parts = try MicroBatches(images: samples, size: microBatch).map(
      threads: threads,
      plan: { try backend.plan(network, options: ExecutionOptions(batch: microBatch)) },
      body: { plan, range in try plan.run(inputs.map { $0.samples(range) }).values })
    return Dictionary(
      uniqueKeysWithValues: network.outputs.map { output in
        let shape = [samples] + network[output].shape.extentsPerImage
        return (
          output,
          Tensor(shape: shape, elements: parts.flatMap { $0[output]?.elements ?? [] })
        )
      })
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
