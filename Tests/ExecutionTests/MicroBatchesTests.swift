import Execution
import NetworkGraph
import TestSupport
import Testing

@Suite(.tags(.pure)) struct MicroBatchesTests {
  @Test("micro-batches cover the images, the last one with the rest")
  func ranges() {
    #expect(MicroBatches(images: 10, size: 4).ranges == [0..<4, 4..<8, 8..<10])
    #expect(MicroBatches(images: 0, size: 4).ranges.isEmpty)
  }

  @Test(
    "images with large activations go through in smaller batches",
    arguments: [([16, 32, 32], 8), ([48, 112, 112], 1), ([24, 112, 112], 3)])
  func sizes(image: [Int], expected: Int) throws {
    var network = Network(name: "one layer")
    network.inputs = [network.addActivation("x", shape: .batched(image))]
    network.outputs = [network.addActivation("y")]
    network.nodes = [
      Node(
        name: "relu", operation: .activation(.relu), inputs: [network.inputs[0]],
        output: network.outputs[0])
    ]
    try network.inferShapes()
    #expect(MicroBatches.size(for: network) == expected)
  }
}
