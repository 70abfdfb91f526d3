import Datasets
import Execution
import Foundation
import LinearAlgebra
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
  private static func fit(
    dense: Network, steps: Int, threads: Int = 1, images: Int = 96
  ) -> JointReconstruction {
    JointReconstruction(
      dense: dense, steps: steps, microBatch: 4,
      runner: NetworkRunner(backend: OneDNNBackend(), threads: threads),
      samples: SampleBlends([SmallSweep.images(images, seed: 11).tensors], isBlended: true),
      teacher: TeacherOutputs())
  }

  /// Where all steps lead to; nil where nothing can be trained.
  private static func refined(
    _ start: Network, dense: Network, steps: Int, threads: Int = 1, images: Int = 96
  ) throws -> Network? {
    let fit = fit(dense: dense, steps: steps, threads: threads, images: images)
    guard try fit.canTrain(start) else { return nil }
    let judges = try fit.judges([SmallSweep.images(32, seed: 12).tensors])
    var momentum = fit.momentum(for: try fit.error(of: start, by: judges))
    var network = start
    for stretch in JointReconstruction.stretches(of: steps) {
      network = try fit.trained(network, by: stretch, &momentum, judges)
    }
    return network
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

  @Test("a network whose values have other places is compared by its own")
  func otherPlaces() throws {
    func network(looksAgain: Bool) throws -> Network {
      var net = NetworkBuilder("net", input: [3, 8, 8])
      let x = looksAgain ? try net.slice(net.input, 0..<3, name: "all of it") : net.input
      let maps = try net.relu(net.convolution(x, outputs: 6, name: "conv"), name: "relu")
      let classes = try net.gemm(net.flatten(net.globalAverage(maps)), outputs: 5, name: "fc")
      return net.finished(classes)
    }
    let dense = try network(looksAgain: true)
    var other = try network(looksAgain: false)
    #expect(dense.outputs != other.outputs)
    let fit = Self.fit(dense: dense, steps: 2)
    let judges = try fit.judges([SmallSweep.images(32, seed: 12).tensors])
    #expect(try fit.error(of: other, by: judges) == fit.error(of: dense, by: judges))
    #expect(try fit.error(of: other, by: judges) == 0)
    let weight = try #require(other.nodes.last?.inputs[1])
    other[weight].constant?.elements[0] += 1
    let before = try fit.error(of: other, by: judges)
    var momentum = fit.momentum(for: before)
    let trained = try fit.trained(other, by: 0..<2, &momentum, judges)
    #expect(try fit.error(of: trained, by: judges) < before)
  }

  @Test("stretches are all steps, in order", arguments: [0, 1, 3, 8, 20, 448])
  func stretches(steps: Int) {
    let stretches = JointReconstruction.stretches(of: steps)
    #expect(stretches.flatMap { Array($0) } == Array(0..<steps))
    #expect(stretches.count == min(steps, 8) && stretches.allSatisfy { !$0.isEmpty })
  }

  @Test("what a stretch leaves is read as it was written, and nothing else is")
  func momentum() throws {
    let (dense, pruned) = try Self.networks()
    let fit = Self.fit(dense: dense, steps: 4)
    let judges = try fit.judges([SmallSweep.images(32, seed: 12).tensors])
    var momentum = fit.momentum(for: 0.05)
    _ = try fit.trained(pruned, by: 0..<2, &momentum, judges)
    let data = momentum.encoded()
    #expect(try JointReconstruction.Momentum(decoding: data).encoded() == data)
    for end in [0, 4, 20, data.count / 2, data.count - 1] {
      #expect(throws: LinearAlgebraError.self) {
        try JointReconstruction.Momentum(decoding: data.prefix(end))
      }
    }
    #expect { try fit.trained(dense, by: 2..<3, &momentum, judges) } throws: {
      ($0 as? PipelineError)?.code == .corruptArtifact
    }
  }
}
