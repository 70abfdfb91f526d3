import Datasets
import Digests
import Execution
import NetworkGraph
import Recovery
import Tensors

extension Workbench {
  /// The network with the BatchNorm statistics of calibration images.
  ///
  /// Every shard is one batch, normalised by its own statistics; their averages replace the stored
  /// ones, as training with cumulative averages would.
  func recalibrated(_ network: Network, shards: [Digest]) async throws -> Network {
    let images = try await self.shards(shards)
    return try await compute {
      let batches = try self.runner.map(count: images.count) { index in
        let shard = images[index]
        let plan = try self.backend.plan(
          network,
          options: ExecutionOptions(batch: shard.count, batchNormalization: .batchStatistics))
        return (shard.count, try plan.run(shard.tensors).statistics)
      }
      var result = network
      for (index, node) in network.nodes.enumerated() {
        guard case .batchNormalization = node.operation, let mean = node.inputs[3],
          let variance = node.inputs[4]
        else { continue }
        let shape = network[node.output].shape
        var average = BatchNormalizationStatistics(channels: shape[1].extent ?? 0)
        let positions = shape.elementsPerImage / max(average.channels, 1)
        for (count, statistics) in batches {
          guard let entry = statistics[index] else { continue }
          try average.add(
            mean: entry.mean, variance: entry.variance, count: count * positions)
        }
        guard average.batches > 0 else { continue }
        let moments = average.averaged
        result[mean].constant?.elements = moments.mean
        result[variance].constant?.elements = moments.variance
      }
      return result
    }
  }
}
