import NetworkGraph
import NetworkTestSupport
import Quantities
import TestSupport
import Testing

@Suite("Layers as machines compute them", .tags(.pure))
struct NetworkLayerTests {
  private func network() throws -> Network {
    var builder = NetworkBuilder("block", input: [3, 8, 8])
    var x = try builder.convolution(builder.input, outputs: 8, name: "stem")
    x = try builder.batchNormalization(x, name: "bn")
    let sum = try builder.relu(x, name: "relu")
    var y = try builder.convolution(sum, outputs: 8, groups: 8, name: "depthwise")
    y = try builder.convolution(y, outputs: 8, kernel: 1, stride: 2, name: "point")
    let shortcut = try builder.convolution(sum, outputs: 8, kernel: 1, stride: 2, name: "short")
    x = try builder.relu(try builder.add(y, shortcut, name: "add"), name: "end")
    x = try builder.flatten(try builder.globalAverage(x))
    let head = try builder.gemm(x, outputs: 5, name: "head")
    return builder.finished(head)
  }

  @Test("nodes are joined with what follows element by element, and named by geometry")
  func shapes() throws {
    let network = try network()
    let layers = network.layers(groups: network.channelGroups())
    #expect(
      layers.map(\.shape) == [
        "Conv 3x3 pad1x1 @8x8 +BatchNormalization+Relu", "Conv 3x3 pad1x1 depthwise @8x8",
        "Conv 1x1 stride2x2 @8x8->4x4 +Add+Relu", "Conv 1x1 stride2x2 @8x8->4x4",
        "GlobalAveragePool @4x4->1x1", "Flatten @1x1->1", "Gemm @1",
      ])
    #expect(layers.flatMap(\.nodes).sorted() == Array(network.nodes.indices))
    #expect(layers[0].input == ChannelExtent(fixed: 3))
    #expect(layers[0].output.units.count == 1 && layers[6].output == ChannelExtent(fixed: 5))
    #expect(layers[0].work.macs(input: 3, output: 8) == 27 * 64 * 8)
    #expect(layers[1].work.macs(input: 8, output: 8) == 9 * 64 * 8)
    // Reads 8 × 8 × 8, the weights, the bias and the shortcut; writes 8 × 4 × 4.
    #expect(layers[2].work.bytes(input: 8, output: 8) == 4 * (512 + 64 + 8 + 128 + 128))
    #expect(layers.allSatisfy { !$0.hasVariableShape })
  }

  @Test("a layer taken out computes as a network of its own")
  func extraction() throws {
    let network = try network()
    let layers = network.layers(groups: network.channelGroups())
    let layer = network.extracting(layers[2].nodes, name: "layer")
    #expect(layer.inputs.count == 2 && layer.outputs.count == 1 && layer.nodes.count == 3)
    var inferred = layer
    try inferred.inferShapes()
    #expect(inferred == layer)
  }

  @Test("the greatest step is the peak of activations, and few steps are left", arguments: 0..<60)
  func steps(seed: Int) throws {
    let network = try RandomNetwork.network(seed: UInt64(seed))
    let groups = network.channelGroups()
    let steps = network.activationSteps(groups: groups)
    let dense = steps.map { $0.value(widths: groups.map(\.width)) }.max()
    #expect(dense == network.cost().peakActivationBytes.count)
    #expect(steps.count <= network.nodes.count + 1)
  }
}
