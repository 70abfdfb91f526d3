import Execution
import NetworkGraph
import Recovery
import Tensors

/// How near a network is to the dense one, on samples that no step was made from.
extension JointReconstruction {
  /// Samples held back, with what the dense network makes of them.
  struct Judges: Sendable {
    fileprivate var batches: [(inputs: [Tensor], targets: [Tensor])] = []
    /// By output: what a squared difference is multiplied by to be a share of what there is, so that
    /// all outputs count the same.
    fileprivate(set) var factors: [Double] = []
  }

  /// - Parameter chunks: Samples, for each input of the network.
  func judges(_ chunks: [[Tensor]]) throws -> Judges {
    let parts = chunks.flatMap { chunk in
      MicroBatches(images: chunk.first?.shape.first ?? 0, size: microBatch).ranges.map { range in
        chunk.map { $0.samples(range) }
      }
    }
    let dense = Segment(dense, on: runner.backend, microBatch: microBatch)
    var judges = Judges()
    judges.batches = try runner.map(count: parts.count) {
      (parts[$0], try outputs(of: dense, on: parts[$0]))
    }
    judges.factors = self.dense.outputs.indices.map { output in
      let power = judges.batches.reduce(0.0) { $0 + Self.maps.power(of: $1.targets[output]) }
      return 1 / ((power > 0 ? power : 1) * Double(self.dense.outputs.count))
    }
    return judges
  }

  /// The relative squared error of the outputs.
  func error(of network: Network, by judges: Judges) throws -> Double {
    let segment = Segment(network, on: runner.backend, microBatch: microBatch)
    return try runner.map(count: judges.batches.count) { index in
      let batch = judges.batches[index]
      let ends = try outputs(of: segment, on: batch.inputs)
      return judges.factors.indices.reduce(0.0) {
        $0 + judges.factors[$1] * Self.maps.loss(of: ends[$1], to: batch.targets[$1])
      }
    }.reduce(0, +)
  }
}
