import Tensors

/// The network that takes changes at another network's outputs back to its values: reverse-mode
/// differentiation, written as a network of its own, so that whatever runs networks runs it.
///
/// With J the derivative of the outputs by a value and g a change at the outputs, it computes Jᵀ g.
/// Where an activation has a kink, its slope there is 0.
public struct Pullback: Sendable {
  /// Its inputs are the changes at the original's outputs, in their order, and then ``activations``.
  public private(set) var network: Network
  /// By value of the original that slopes depend on: the input that takes it.
  public private(set) var activations: [ValueID: ValueID] = [:]
  /// By value of the original: the output that holds Jᵀ g.
  ///
  /// A wanted value is missing where something between it and the outputs cannot be differentiated
  /// here, or where no output depends on it.
  public private(set) var gradients: [ValueID: ValueID] = [:]

  /// - Throws: ``NetworkError`` if the shapes of `original` do not fit each other.
  public init(of original: Network, to wanted: [ValueID]) throws {
    network = Network(name: "pullback of \(original.name)")
    for output in original.outputs {
      let change = network.addActivation(
        "change of \(original[output].name)", shape: original[output].shape)
      network.inputs.append(change)
    }
    // What depends on a wanted value; nothing else need be passed.
    var passed = Set(wanted)
    for node in original.nodes
    where node.inputs.contains(where: { $0.map(passed.contains) ?? false }) {
      passed.insert(node.output)
    }
    var parts: [ValueID: [ValueID]] = [:]
    for (output, change) in zip(original.outputs, network.inputs) {
      parts[output, default: []] += [change]
    }
    var lost: Set<ValueID> = []
    for node in original.nodes.reversed() where passed.contains(node.output) {
      let operands = node.inputs.enumerated().filter { $1.map(passed.contains) ?? false }
      guard !lost.contains(node.output) else {
        lost.formUnion(operands.compactMap(\.element))
        continue
      }
      guard let change = try sum(of: parts[node.output] ?? []) else { continue }
      for (place, operand) in operands {
        guard let operand else { continue }
        if let part = try pullBack(change, through: node, to: place, in: original) {
          parts[operand, default: []].append(part)
        } else {
          lost.insert(operand)
        }
      }
    }
    for value in Set(wanted).subtracting(lost).sorted() {
      gradients[value] = try sum(of: parts[value] ?? [])
    }
    // Both sides of an addition have the same.
    network.outputs = Set(gradients.values).sorted()
  }

  /// The sum of what several readers of a value pass back.
  private mutating func sum(of parts: [ValueID]) throws -> ValueID? {
    guard let first = parts.first else { return nil }
    return try parts.dropFirst().reduce(first) { try add(.elementwise(.add), [$0, $1]) }
  }

  /// The value of the original as an input.
  mutating func activation(_ value: ValueID, of original: Network) -> ValueID {
    if let known = activations[value] { return known }
    let input = network.addActivation(original[value].name, shape: original[value].shape)
    activations[value] = input
    network.inputs.append(input)
    return input
  }

  mutating func constant(_ tensor: Tensor) -> ValueID {
    network.addConstant("constant \(network.values.count)", tensor)
  }

  /// Appends a node.
  mutating func add(_ operation: Operator, _ inputs: [ValueID]) throws -> ValueID {
    let name = "step \(network.nodes.count)"
    let output = network.addActivation("value of \(name)")
    network[output].shape = try operation.outputShape(
      of: inputs.map { network[$0].shape }, node: name)
    network.nodes.append(Node(name: name, operation: operation, inputs: inputs, output: output))
    return output
  }
}
