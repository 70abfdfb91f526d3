import Execution
import NetworkGraph
import Tensors

/// Joins nodes into steps: layers with the normalisation, sum and functions that follow them, and
/// chains of elementwise functions.
///
/// A value that is returned or read twice ends a step: it keeps its exact meaning.
struct Fusion {
  let network: Network
  let options: ExecutionOptions
  private let executed: [Int]
  private let returned: Set<ValueID>
  private let readers: [ValueID: [Int]]

  init(network: Network, options: ExecutionOptions) throws {
    self.network = network
    self.options = options
    executed = try options.executedNodes(of: network)
    returned = Set(options.returnedValues(of: network))
    var readers: [ValueID: [Int]] = [:]
    for index in executed {
      for case let input? in network.nodes[index].inputs {
        readers[input, default: []].append(index)
      }
    }
    self.readers = readers
  }

  /// The steps in an order in which each finds its inputs computed.
  func steps() -> [FusedStep] {
    var steps: [FusedStep] = []
    var claimed: Set<Int> = []
    for index in executed where !claimed.contains(index) {
      let node = network.nodes[index]
      var step = FusedStep(
        nodes: [index], node: node, work: firstWork(node), inputs: activations(of: node),
        output: node.output)
      extend(&step, &claimed)
      steps.append(step)
    }
    // A fused Add waits for its other addend.
    return steps.sorted { ($0.nodes.last ?? 0) < ($1.nodes.last ?? 0) }
  }

  /// Takes in following nodes for as long as they fit.
  private func extend(_ step: inout FusedStep, _ claimed: inout Set<Int>) {
    while let reader = onlyReader(of: step.output), !claimed.contains(reader),
      absorb(network.nodes[reader], into: &step)
    {
      claimed.insert(reader)
      step.nodes.append(reader)
      step.output = network.nodes[reader].output
    }
  }

  private func onlyReader(of value: ValueID) -> Int? {
    guard !returned.contains(value), let readers = readers[value], readers.count == 1 else {
      return nil
    }
    return readers[0]
  }

  /// The inputs of a node that are computed or brought by the caller.
  func activations(of node: Node) -> [ValueID] {
    node.inputs.compactMap { $0 }.filter { network.constant($0) == nil }
  }

  private func firstWork(_ node: Node) -> FusedStep.Work {
    if let layer = layer(node) { return .layer(layer) }
    if let functions = functions(of: node) { return .functions(functions) }
    switch node.operation {
    case .batchNormalization(let operation)
    where node.inputs[1...].compactMap(network.constant).count == 4:
      return .batchNormalization(operation, endsInRelu: false)
    case .elementwise(let operation) where operation != .power && node.inputs.count == 2:
      return .pair(operation, [])
    default: return .single
    }
  }

  private func absorb(_ node: Node, into step: inout FusedStep) -> Bool {
    switch step.work {
    case .layer(var layer):
      guard absorb(node, into: &layer, of: &step) else { return false }
      step.work = .layer(layer)
    case .functions(let functions):
      guard let more = self.functions(of: node) else { return false }
      step.work = .functions(functions + more)
    case .pair(let operation, let functions):
      guard let more = self.functions(of: node), ElementwiseFunction.canJoin(functions + more)
      else { return false }
      step.work = .pair(operation, functions + more)
    case .batchNormalization(let operation, false):
      guard node.operation == .activation(.relu), options.batchNormalization == .inference else {
        return false
      }
      step.work = .batchNormalization(operation, endsInRelu: true)
    case .batchNormalization(_, true): return false
    case .single:
      guard case .pad(let pad) = step.node.operation, case .convolution = node.operation,
        var layer = layer(node), layer.absorb(pad)
      else { return false }
      step.work = .layer(layer)
    }
    return true
  }

  /// The elementwise functions of one value that a node is; nil where it is something else.
  func functions(of node: Node) -> [ElementwiseFunction]? {
    switch node.operation {
    case .activation(let activation): return ElementwiseFunction.functions(of: activation)
    case .elementwise(let operation):
      guard node.inputs.count == 2, let place = node.inputs.firstIndex(where: isNumber),
        let value = node.inputs[1 - place], network.constant(value) == nil,
        network[value].shape == network[node.output].shape,
        let number = network.constant(node.inputs[place])
      else { return nil }
      return ElementwiseFunction.functions(
        of: operation, number: number.elements[0], numberIsFirst: place == 0)
    default: return nil
    }
  }

  private func isNumber(_ value: ValueID?) -> Bool { network.constant(value)?.count == 1 }
}
