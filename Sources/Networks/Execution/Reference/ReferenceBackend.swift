import NetworkGraph
import Tensors

/// The normative backend: one plain function per operator, sums in `Double`, no fusion.
///
/// Slow on purpose; other backends are tested against it.
public struct ReferenceBackend: Backend {
  public init() {}

  public var identity: BackendIdentity {
    BackendIdentity(name: "reference", version: "1", instructionSet: "any")
  }

  public func plan(_ network: Network, options: ExecutionOptions) throws -> any ExecutionPlan {
    ReferencePlan(
      network: network, options: options, nodes: try options.executedNodes(of: network),
      wanted: options.returnedValues(of: network))
  }
}

/// Runs the nodes in their order and forgets each value after its last reader.
final class ReferencePlan: ExecutionPlan {
  private let network: Network
  private let options: ExecutionOptions
  private let nodes: [Int]
  private let wanted: [ValueID]
  private let lastReader: [ValueID: Int]

  init(network: Network, options: ExecutionOptions, nodes: [Int], wanted: [ValueID]) {
    self.network = network
    self.options = options
    self.nodes = nodes
    self.wanted = wanted
    var lastReader: [ValueID: Int] = [:]
    for index in nodes {
      for case let input? in network.nodes[index].inputs { lastReader[input] = index }
    }
    self.lastReader = lastReader
  }

  func run(_ inputs: [Tensor]) throws -> ExecutionResult {
    let images = try options.check(inputs, for: network)
    var values = Dictionary(
      uniqueKeysWithValues: network.binding(inputs).map { id, input in
        (id, options.channelOrder.rowMajor(input, of: network[id].shape))
      })
    var result = ExecutionResult(values: values.filter { wanted.contains($0.key) })
    for index in nodes {
      let node = network.nodes[index]
      let operands = node.inputs.map { id in id.flatMap { network.constant($0) ?? values[$0] } }
      let output: Tensor
      if case .batchNormalization(let operation) = node.operation,
        options.batchNormalization == .batchStatistics
      {
        let x = try operands.required(0, node)
        let statistics = ReferenceOperators.channelStatistics(x)
        result.statistics[index] = statistics
        output = try ReferenceOperators.batchNormalization(
          operation, x, scale: operands.required(1, node), shift: operands.required(2, node),
          mean: Tensor(shape: [statistics.mean.count], elements: statistics.mean),
          variance: Tensor(shape: [statistics.mean.count], elements: statistics.variance))
      } else {
        output = try ReferenceOperators.evaluate(node, operands, batch: images)
      }
      for case let id? in node.inputs where lastReader[id] == index { values[id] = nil }
      if lastReader[node.output] != nil { values[node.output] = output }
      if wanted.contains(node.output) { result.values[node.output] = output }
    }
    for (id, value) in result.values {
      result.values[id] = options.channelOrder.arranging(value, of: network[id].shape)
    }
    return result
  }
}
