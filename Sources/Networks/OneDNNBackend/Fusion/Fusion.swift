import Execution
import NetworkGraph
import Tensors

/// Joins nodes into steps: Conv + BatchNormalization + Add + activation, and Add + activation.
///
/// A value that is returned or read twice ends a step: it keeps its exact meaning.
struct Fusion {
  private let network: Network
  private let options: ExecutionOptions
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
  func steps() throws -> [FusedStep] {
    var steps: [FusedStep] = []
    var claimed: Set<Int> = []
    for index in executed where !claimed.contains(index) {
      var step = try firstStep(index)
      extend(&step, &claimed)
      steps.append(step)
    }
    // A fused Add waits for its other addend.
    return steps.sorted { $0.index < $1.index }
  }

  private func firstStep(_ index: Int) throws -> FusedStep {
    let node = network.nodes[index]
    let inputs = node.inputs.compactMap { $0 }.filter { network.constant($0) == nil }
    var step = FusedStep(
      index: index, node: node, work: .single, inputs: inputs, output: node.output)
    switch node.operation {
    case .convolution(let operation):
      guard let weight = network.constant(node.inputs[1]),
        node.inputs.count < 3 || node.inputs[2] == nil || network.constant(node.inputs[2]) != nil
      else {
        throw ExecutionError(
          .unsupported, "node \"\(node.name)\" convolves with computed weights; fold them first")
      }
      let bias = node.inputs.count > 2 ? network.constant(node.inputs[2]) : nil
      step.work = .convolution(FusedConvolution(operation: operation, weight: weight, bias: bias))
    case .elementwise(.add):
      if inputs.count == 2, network[inputs[0]].shape == network[inputs[1]].shape {
        step.work = .sum(inputs[0], inputs[1], nil)
      }
    default: break
    }
    return step
  }

  /// Takes in following nodes for as long as they fit.
  private func extend(_ step: inout FusedStep, _ claimed: inout Set<Int>) {
    while let reader = onlyReader(of: step.output), !claimed.contains(reader),
      absorb(network.nodes[reader], into: &step)
    {
      claimed.insert(reader)
      step.index = reader
      step.output = network.nodes[reader].output
    }
  }

  private func onlyReader(of value: ValueID) -> Int? {
    guard !returned.contains(value), let readers = readers[value], readers.count == 1 else {
      return nil
    }
    return readers[0]
  }

  private func absorb(_ node: Node, into step: inout FusedStep) -> Bool {
    switch (step.work, node.operation) {
    case (.convolution(var convolution), .batchNormalization(let operation)):
      let constants = node.inputs[1...].compactMap(network.constant)
      guard options.batchNormalization == .inference, convolution.addend == nil,
        convolution.activation == nil, constants.count == 4
      else { return false }
      convolution.fold(
        operation, scale: constants[0], shift: constants[1], mean: constants[2],
        variance: constants[3])
      step.work = .convolution(convolution)
    case (.convolution(var convolution), .elementwise(.add)):
      guard convolution.addend == nil, convolution.activation == nil,
        let addend = node.inputs.compactMap({ $0 }).first(where: { $0 != step.output }),
        network.constant(addend) == nil,
        network[addend].shape == network[step.output].shape
      else { return false }
      convolution.addend = addend
      step.work = .convolution(convolution)
      step.inputs.append(addend)
    case (.convolution(var convolution), .activation(let activation)):
      guard convolution.activation == nil else { return false }
      convolution.activation = activation
      step.work = .convolution(convolution)
    case (.sum(let a, let b, nil), .activation(let activation)):
      step.work = .sum(a, b, activation)
    default: return false
    }
    return true
  }
}
