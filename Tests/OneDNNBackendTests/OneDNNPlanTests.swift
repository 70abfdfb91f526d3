import Execution
import Foundation
import NetworkGraph
import NetworkTestSupport
import ONNXFormat
import OneDNNBackend
import Tensors
import TestSupport
import Testing

/// What plans are made of.
@Suite(.tags(.backend)) struct OneDNNPlanTests {
  private func executions(
    _ network: Network, taps: [ValueID] = []
  ) throws -> [String: NodeExecution] {
    let found = try OneDNNBackend().explain(network, options: .init(batch: 2, taps: taps))
    #expect(found.map(\.node) == Array(network.nodes.indices))
    return Dictionary(uniqueKeysWithValues: found.map { (network.nodes[$0.node].name, $0) })
  }

  /// pad → conv → bn → scale → + shortcut → silu.
  private func block() throws -> (network: Network, sum: ValueID) {
    var builder = NetworkBuilder("block", input: [8, 6, 6])
    let shortcut = try builder.convolution(builder.input, outputs: 12, kernel: 1, name: "shortcut")
    let padded = try builder.apply(
      .pad(Pad(before: [0, 0, 0, 1], after: [0, 0, 1, 0])), to: [shortcut], name: "pad")
    let weight = builder.constant("weight", [12, 12, 2, 2])
    let convolved = try builder.apply(
      .convolution(Convolution(kernel: [2, 2])), to: [padded, weight], name: "conv")
    let normal = try builder.batchNormalization(convolved, name: "bn")
    let scaled = try builder.apply(
      .elementwise(.multiply), to: [normal, builder.constant("scale", [12, 1, 1])], name: "scaled")
    let sum = try builder.add(shortcut, scaled, name: "sum")
    let output = try builder.apply(.activation(.silu), to: [sum], name: "silu")
    return (builder.finished(output), sum)
  }

  @Test("a padded convolution takes in what follows it, up to a value that is looked at")
  func fusedBlock() throws {
    let (network, sum) = try block()
    let fused = try executions(network)
    #expect(fused["pad"]?.computedBy.contains("convolution") == true)
    for name in ["conv", "bn", "scaled", "sum", "silu"] {
      #expect(fused[name]?.fusedInto == fused["pad"]?.node, "\(name)")
    }
    let tapped = try executions(network, taps: [sum])
    #expect(tapped["sum"]?.fusedInto == tapped["pad"]?.node)
    #expect(tapped["silu"]?.fusedInto == nil)
    #expect(tapped["silu"]?.computedBy.contains("eltwise") == true)
  }

  @Test("what oneDNN has no primitive for is computed by the reference, and says so")
  func reference() throws {
    var builder = NetworkBuilder("places", input: [6, 4, 4])
    var counted = Normalization(.group(2))
    counted.counted = [1: [0, 3, 4]]
    let normal = try builder.apply(.normalization(counted), to: [builder.input], name: "counted")
    let places = try builder.apply(
      .argMax(ArgMax(axis: 1, keepsAxis: false)), to: [normal], name: "places")
    let found = try executions(builder.finished(places))
    #expect(found["counted"]?.computedBy.contains("reference") == true)
    #expect(found["places"]?.computedBy.contains("reference") == true)
  }

  @Test("networks without a batch axis run, with constants among what they join")
  func wholeGraphs() throws {
    var network = Network(name: "whole")
    var generator = SeededGenerator(seed: 5)
    let a = network.addActivation("a", shape: Shape([4, 6]))
    let b = network.addActivation("b", shape: Shape([6]))
    func add(_ name: String, _ operation: Operator, _ inputs: [ValueID]) -> ValueID {
      let output = network.addActivation(name)
      network.nodes.append(Node(name: name, operation: operation, inputs: inputs, output: output))
      return output
    }
    let token = network.addConstant("token", .random([1, 6], using: &generator))
    let joined = add("joined", .concat(Concat(axis: 0)), [token, a, token])
    let sum = add("sum", .elementwise(.add), [joined, b])
    let product = add("product", .matrixProduct(.init()), [sum, b])
    let total = add("total", .reduction(Reduction(.sum, axes: [0], keepsAxes: false)), [product])
    network.inputs = [a, b]
    network.outputs = [sum, total]
    try network.inferShapes()
    let inputs = network.inputs.map {
      Tensor.random(network[$0].shape.resolved(batch: 1), using: &generator)
    }
    let options = ExecutionOptions(batch: 8)
    let fast = try OneDNNBackend().plan(network, options: options).run(inputs)
    let slow = try ReferenceBackend().plan(network, options: options).run(inputs)
    for output in network.outputs {
      let (actual, expected) = (fast.values[output], slow.values[output])
      #expect(actual?.shape == expected?.shape)
      expectClose(actual?.elements ?? [], expected?.elements ?? [], tolerance: 1e-5)
    }
  }

  @Test("a number for every image is computed with like any other value")
  func vectors() throws {
    var builder = NetworkBuilder("numbers", input: [6, 4, 4])
    let mean = try builder.apply(
      .reduction(Reduction(.mean, axes: [1, 2, 3], keepsAxes: false)), to: [builder.input],
      name: "mean")
    let gate = try builder.apply(.activation(.sigmoid), to: [mean], name: "gate")
    let product = try builder.apply(.elementwise(.multiply), to: [gate, mean], name: "product")
    let network = builder.finished(product)
    var generator = SeededGenerator(seed: 8)
    let x = Tensor.random([3, 6, 4, 4], using: &generator)
    let options = ExecutionOptions(batch: 3, taps: [mean, gate])
    let fast = try OneDNNBackend().plan(network, options: options).run(x)
    let slow = try ReferenceBackend().plan(network, options: options).run(x)
    for value in [mean, gate, product] {
      #expect(fast.values[value]?.shape == [3])
      expectClose(
        fast.values[value]?.elements ?? [], slow.values[value]?.elements ?? [0], tolerance: 1e-5)
    }
  }

  @Test("statistics of a batch are those of the values before a rectifier that follows")
  func statisticsBeforeRectifiers() throws {
    var builder = NetworkBuilder("pre-activation", input: [5, 6, 6])
    let normal = try builder.batchNormalization(builder.input, name: "bn")
    let output = try builder.relu(normal, name: "relu")
    let network = builder.finished(output)
    var generator = SeededGenerator(seed: 2)
    let x = Tensor.random([4, 5, 6, 6], using: &generator)
    let options = ExecutionOptions(batch: 4, batchNormalization: .batchStatistics)
    let fast = try OneDNNBackend().plan(network, options: options).run(x)
    let slow = try ReferenceBackend().plan(network, options: options).run(x)
    expectClose(
      fast.values[output]?.elements ?? [], slow.values[output]?.elements ?? [0], tolerance: 1e-5)
    expectClose(
      fast.statistics[0]?.variance ?? [], slow.statistics[0]?.variance ?? [0], tolerance: 1e-6)
  }

  @Test(
    "pretrained networks agree with the reference", .requiresSharedData,
    arguments: ["mobilenetv1-0.75-imagenet.onnx", "mobilenetv2-1.0-imagenet.onnx"])
  func pretrained(name: String) throws {
    let network = try ONNXModel.read(Fixtures.shared.appending(path: "models/\(name)"))
    var generator = SeededGenerator(seed: 3)
    let x = Tensor.random(
      network[network.inputs[0]].shape.resolved(batch: 1), using: &generator)
    let options = ExecutionOptions(batch: 1)
    let fast = try OneDNNBackend().plan(network, options: options).run(x)
    let slow = try ReferenceBackend().plan(network, options: options).run(x)
    let output = network.outputs[0]
    expectClose(
      fast.values[output]?.elements ?? [], slow.values[output]?.elements ?? [0], tolerance: 1e-4)
  }
}
