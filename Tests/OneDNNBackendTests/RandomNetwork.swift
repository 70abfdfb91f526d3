import NetworkGraph
import NetworkTestSupport
import Tensors
import TestSupport

/// A small graph of seeded operators, most of which can be fused with a neighbour.
func randomNetwork(seed: UInt64) throws -> Network {
  var generator = SeededGenerator(seed: seed)
  let channels = Int.random(in: 3...20, using: &generator)
  var builder = NetworkBuilder("random \(seed)", input: [channels, 6, 8], seed: seed)
  var values = [builder.input]
  for step in 0..<12 {
    let x = values[Int.random(in: max(0, values.count - 3)..<values.count, using: &generator)]
    let choice = Int.random(in: 0..<16, using: &generator)
    guard builder.network[x].shape.elementsPerImage < 4000 else { continue }
    let value = try builder.randomNode(choice, x, values, "n\(step)", &generator)
    values.append(value)
  }
  var network = builder.finished()
  network.outputs = Array(Set(values.suffix(2)).subtracting(network.inputs)).sorted()
  if network.outputs.isEmpty {
    network.outputs = [try builder.relu(builder.input, name: "only")]
    network = builder.network
  }
  return network
}

extension NetworkBuilder {
  fileprivate mutating func randomNode(
    _ choice: Int, _ x: ValueID, _ values: [ValueID], _ name: String,
    _ generator: inout SeededGenerator
  ) throws -> ValueID {
    let shape = network[x].shape
    let extents = shape.dimensions[1...].map { $0.extent ?? 1 }
    switch choice {
    case 0, 1:
      return try convolution(
        x, outputs: Int.random(in: 1...24, using: &generator),
        kernel: Bool.random(using: &generator) ? 1 : 3, bias: choice == 0, name: name)
    case 2:
      return try convolution(
        x, outputs: extents[0], groups: extents[0], bias: false, name: name)
    case 3: return try batchNormalization(x, name: name)
    case 4, 5:
      let activations: [Activation] = [
        .relu, .clip(0, 6), .silu, .hardSwish, .gelu(isApproximate: false), .sigmoid, .erf, .mish,
        .hardSigmoid(alpha: 0.2, beta: 0.5), .softsign,
      ]
      return try apply(
        .activation(activations.randomElement(using: &generator) ?? .relu), to: [x], name: name)
    case 6, 7:
      // A difference of equals leaves nothing but rounding errors.
      let partner = values.last { network[$0].shape == shape && $0 != x }
      return try apply(
        .elementwise(choice == 7 && partner != nil ? .subtract : .add), to: [partner ?? x, x],
        name: name)
    case 8:
      let gate = try globalAverage(x, name: "\(name).gate")
      return try apply(.elementwise(.multiply), to: [gate, x], name: name)
    case 9:
      let number = constant("\(name).c", [extents[0], 1, 1])
      return try apply(
        .elementwise(Bool.random(using: &generator) ? .add : .multiply), to: [x, number],
        name: name)
    case 10:
      let number = constant("\(name).c", [])
      return try apply(.elementwise(.subtract), to: [number, x], name: name)
    case 11:
      let partner = values.last { network[$0].shape.dimensions[2...] == shape.dimensions[2...] }
      return try apply(.concat(Concat(axis: 1)), to: [x, partner ?? x, x], name: name)
    case 12:
      let range = Slice.Range(axis: 1, start: extents[0] / 3, end: extents[0])
      return try apply(.slice(Slice(ranges: [range])), to: [x], name: name)
    case 13:
      let pad = Pad(before: [0, 0, 1, 0], after: [0, 0, 0, 2])
      return try convolution(
        apply(.pad(pad), to: [x], name: "\(name).pad"), outputs: 5, name: name)
    // A row of one element has no variance to divide by.
    case 14 where extents[0] > 1:
      let last = try apply(
        .transpose(Transpose(permutation: [0, 2, 3, 1])), to: [x], name: "\(name).last")
      let scale = constant("\(name).scale", [extents[0]])
      let normal = try apply(
        .normalization(Normalization(.layer(axis: 3))), to: [last, scale], name: "\(name).norm")
      let matrix = constant("\(name).matrix", [extents[0], 6])
      let product = try apply(
        .matrixProduct(.init()), to: [normal, matrix], name: "\(name).product")
      return try apply(
        .transpose(Transpose(permutation: [0, 3, 1, 2])), to: [product], name: name)
    default:
      let flat = Reshape(target: .batched([extents[0], extents[1] * extents[2]]))
      let rows = try apply(.reshape(flat), to: [x], name: "\(name).rows")
      let attention = try apply(.softmax(Softmax(axis: 2)), to: [rows], name: "\(name).softmax")
      return try apply(.reshape(Reshape(target: shape)), to: [attention], name: name)
    }
  }
}
