import NetworkGraph
import Tensors
import TestSupport

/// Two residual blocks, the second with an option-A shortcut (Slice and Pad), and a classifier.
func residualNetwork(width: Int) throws -> Network {
  var network = Network(name: "residual")
  var generator = SeededGenerator(seed: 3)

  func add(_ name: String, _ operation: Operator, _ inputs: [ValueID]) -> ValueID {
    let output = network.addActivation(name)
    network.nodes.append(Node(name: name, operation: operation, inputs: inputs, output: output))
    return output
  }
  func convolution(_ name: String, _ x: ValueID, _ from: Int, _ to: Int, stride: Int) -> ValueID {
    let weight = network.addConstant(
      "\(name).weight", .random([to, from, 3, 3], in: -0.3...0.3, using: &generator))
    let convolved = add(
      name,
      .convolution(
        Convolution(
          kernel: [3, 3], strides: [stride, stride], padsBefore: [1, 1], padsAfter: [1, 1])),
      [x, weight])
    let constants = ["scale", "shift", "mean", "variance"].map {
      network.addConstant("\(name).\($0)", .random([to], in: 0.5...1.5, using: &generator))
    }
    return add("\(name).bn", .batchNormalization(.init()), [convolved] + constants)
  }

  let x = network.addActivation("x", shape: .batched([3, 8, 8]))
  let stem = add("stem.relu", .activation(.relu), [convolution("stem", x, 3, width, stride: 1)])
  var inner = add("a.relu", .activation(.relu), [convolution("a", stem, width, width, stride: 1)])
  var sum = add(
    "b.add", .elementwise(.add), [convolution("b", inner, width, width, stride: 1), stem])
  let block = add("b.relu", .activation(.relu), [sum])

  let rows = add(
    "rows", .slice(Slice(ranges: [.init(axis: 2, start: 0, end: 8, step: 2)])), [block])
  let cells = add(
    "cells", .slice(Slice(ranges: [.init(axis: 3, start: 0, end: 8, step: 2)])), [rows])
  let half = width / 2
  let shortcut = add(
    "shortcut",
    .pad(Pad(before: [0, half, 0, 0], after: [0, width - half, 0, 0])), [cells])
  inner = add(
    "c.relu", .activation(.relu), [convolution("c", block, width, 2 * width, stride: 2)])
  sum = add(
    "d.add", .elementwise(.add),
    [convolution("d", inner, 2 * width, 2 * width, stride: 1), shortcut])
  let last = add("d.relu", .activation(.relu), [sum])

  let pooled = add(
    "pool", .pooling(Pooling(kind: .average(countsPadding: true), kernel: nil)), [last])
  let flat = add("flat", .flatten(Flatten()), [pooled])
  let weight = network.addConstant("w", .random([10, 2 * width], using: &generator))
  let bias = network.addConstant("bias", .random([10], using: &generator))
  network.inputs = [x]
  network.outputs = [add("logits", .gemm(Gemm()), [flat, weight, bias])]
  try network.inferShapes()
  return network
}
