import Datasets
import Digests
import Tensors

/// Calibration samples that variants are fitted on, with their mirror images where those take part.
struct FitSamples {
  var shards: [Digest]
  var mirrors: Bool

  /// What samples may hold, in bytes.
  private static let heldBytes = 3 << 29

  /// How often a fit looks at a sample: as it is, and mirrored.
  var looks: Int { mirrors ? 2 : 1 }

  /// As many samples as there is room for.
  ///
  /// - Parameter bytesEach: What a fit holds of a look at a sample.
  func loaded(bytesEach: Int, on bench: Workbench) async throws -> [DataShard] {
    let room = max(Self.heldBytes / max(looks * bytesEach, 1), 1)
    var samples: [DataShard] = []
    for digest in shards {
      let left = room - samples.reduce(0) { $0 + $1.count }
      guard left > 0 else { break }
      let shard = try await bench.shard(digest)
      samples.append(shard.count > left ? shard.shard(0..<left) : shard)
    }
    return samples
  }

  /// What a network reads of some samples, and of their mirror images.
  func inputs(of samples: [DataShard]) -> [[Tensor]] {
    samples.map { mirrors ? $0.tensors.map(\.withMirrorImages) : $0.tensors }
  }
}

extension Tensor {
  /// The same samples, and behind them those that are maps mirrored left to right, others again.
  fileprivate var withMirrorImages: Tensor {
    let mirrored =
      rank == 4 ? gathering(Array((0..<shape[3]).reversed()), axis: 3) : self
    return Tensor(joining: [self, mirrored])
  }
}
