import Datasets
import Execution
import NetworkGraph
import OneDNNBackend
import Tensors
import TestSupport
import Testing

@testable import Pipeline

@Suite("Running whole shards", .tags(.backend))
struct NetworkRunnerTests {
  @Test("waves bring what a shard's values are, in the order of its images", arguments: [1, 3])
  func waves(threads: Int) throws {
    let network = try SmallSweep.residualNetwork()
    let shard = SmallSweep.images(30, seed: 3).shard(0..<30)
    let runner = NetworkRunner(backend: OneDNNBackend(), threads: threads)
    let taps = [network.nodes[2].output, network.nodes[6].output]
    let whole = try runner.run(network, on: shard, taps: taps, microBatch: 4)
    var (parts, sizes): ([[Tensor]], [Int]) = ([[], []], [])
    try runner.waves(
      of: network, on: shard, taps: taps, microBatch: 4, order: .last()
    ) { batches in
      sizes.append(batches.count)
      for values in batches {
        for (place, tap) in taps.enumerated() {
          parts[place].append(ChannelOrder.last().rowMajor(values[place], of: network[tap].shape))
        }
      }
    }
    // Eight micro-batches, the last of two images.
    #expect(sizes == (threads == 1 ? Array(repeating: 1, count: 8) : [3, 3, 2]))
    #expect(parts.map { Tensor(joining: $0) } == whole)
  }
}
