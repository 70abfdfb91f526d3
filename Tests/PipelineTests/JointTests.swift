import Datasets
import Execution
import NetworkGraph
import NetworkTestSupport
import OneDNNBackend
import Recovery
import Surgery
import Tensors
import TestSupport
import Testing

@testable import Pipeline

@Suite("All layers fitted together", .tags(.backend))
struct JointTests {
  private static func refined(
    _ start: Network, dense: Network, steps: Int, threads: Int = 1, images: Int = 96
  ) throws -> Network? {
    let joint = JointReconstruction(
      dense: dense, steps: steps, microBatch: 4,
      runner: NetworkRunner(backend: OneDNNBackend(), threads: threads))
    return try joint.refined(
      start, on: SampleBlends([SmallSweep.images(images, seed: 11).tensors], isBlended: true),
      held: [SmallSweep.images(32, seed: 12).tensors])
  }

  /// A residual network, and the same without some channels.
  private static func networks() throws -> (dense: Network, pruned: Network) {
    let network = try SmallSweep.residualNetwork()
    let groups = network.channelGroups()
    var selection = ChannelSelection()
    for group in groups where group.name.contains("inner") {
      selection.kept[group.id] = Array(0..<max(group.width * 2 / 3, 1))
    }
    return (network, try network.pruned(selection, groups: groups))
  }

  private static func change(_ a: Network, _ b: Network) throws -> Double {
    let images = SmallSweep.images(64, seed: 500).tensors[0]
    let logits = try [a, b].map { try StoryTests.logits(of: $0, images).elements }
    return zip(logits[0], logits[1]).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
  }

  @Test("steps bring the network nearer to the dense one, on images it has not seen")
  func nearer() throws {
    let (dense, pruned) = try Self.networks()
    let changes = try [8, 64].map { steps in
      let refined = try Self.refined(pruned, dense: dense, steps: steps)
      return try Self.change(dense, try #require(refined))
    }
    let before = try Self.change(dense, pruned)
    #expect(changes[0] < 0.9 * before, "\(before), \(changes)")
    #expect(changes[1] < 0.7 * changes[0], "\(before), \(changes)")
  }

  @Test("threads do not matter")
  func deterministic() throws {
    let (dense, pruned) = try Self.networks()
    let networks = try [1, 2].map {
      try Self.refined(pruned, dense: dense, steps: 4, threads: $0)
    }
    #expect(networks[0] != nil && networks[0] == networks[1])
    #expect(networks[0] != pruned, "a step was taken")
  }

  @Test("a network of one layer finds the dense network's weights again")
  func oneLayer() throws {
    var net = NetworkBuilder("net", input: [3, 8, 8])
    let pooled = try net.flatten(net.globalAverage(net.input))
    let classes = try net.gemm(pooled, outputs: 5, name: "fc")
    let dense = net.finished(classes)
    var start = dense
    let weight = try #require(dense.nodes.last?.inputs[1])
    let elements = try #require(dense.constant(weight)?.elements)
    for place in elements.indices {
      start[weight].constant?.elements[place] += Float(place % 3 - 1) / 10
    }
    let refined = try Self.refined(start, dense: dense, steps: 240)
    let end = try #require(refined)
    let found = try #require(end.constant(weight)?.elements)
    for (a, b) in zip(found, elements) { #expect(abs(a - b) < 0.02, "\(a), \(b)") }
  }

  @Test("a network whose end has no derivative here is left alone")
  func noDerivative() throws {
    var net = NetworkBuilder("net", input: [3, 8, 8])
    let pooled = try net.flatten(net.globalAverage(net.input))
    let classes = try net.gemm(pooled, outputs: 5, name: "fc")
    let end = try net.apply(.softmax(Softmax(axis: 1)), to: [classes], name: "softmax")
    let network = net.finished(end)
    #expect(try Self.refined(network, dense: network, steps: 2) == nil)
  }
}
