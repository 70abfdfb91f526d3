import Digests
import Execution
import Foundation
import NetworkGraph
import Parallelism
import Recovery
import Tensors

/// Input Grams of every layer that reads prunable channels, on one shard.
struct InputGrams: JobComputation {
  static let stage = Stage.statistics
  static let kind = "input-grams-3"

  var model: Digest
  var shard: Digest
  /// Names of the layers.
  var layers: [String]
  /// Positions of each image that enter, at most.
  var positions: Int
  var microBatch: Int

  func compute(on bench: Workbench) async throws -> Outcome<NoSummary> {
    let model = try await bench.model(model)
    let shard = try await bench.shard(shard)
    let wanted = Set(layers)
    let layers = model.network.consumerLayers(model.groups).filter { wanted.contains($0.name) }
    let grams = try await bench.compute {
      let inputs = Array(Set(layers.map(\.input))).sorted()
      var collectors = layers.map {
        GramCollector(geometry: $0.geometry, positionsPerImage: positions)
      }
      try bench.runner.waves(
        of: model.network, on: shard, taps: inputs, microBatch: microBatch,
        order: ConsumerLayer.order
      ) { batches in
        try collectors.parallelMap(threads: bench.threads) { index, collector in
          let layer = layers[index]
          guard let tap = inputs.firstIndex(of: layer.input) else { return }
          let shape = model.network[layer.input].shape
          for values in batches {
            try collector.add(input: layer.arranged(values[tap], of: shape))
          }
        }
      }
      return try collectors.parallelMap(threads: bench.threads) { try $1.finish().encoded() }
    }
    let artifact = try await bench.artifacts.put(Bundle.packed(grams))
    return Outcome(NoSummary(), artifacts: [artifact])
  }
}

/// The sum of input Grams over shards, one artifact for each layer.
struct GramSum: JobComputation {
  static let stage = Stage.statistics
  static let kind = "gram-sum-1"

  var layers: [String]
  /// Outcomes of ``InputGrams`` in order of shards: the order of summation.
  var shards: [Digest]

  func compute(on bench: Workbench) async throws -> Outcome<NoSummary> {
    var sums: [InputGram] = []
    for digest in shards {
      let grams = try Bundle.unpacked(try await bench.artifacts.data(for: digest), of: digest)
        .map { try InputGram(decoding: $0) }
      guard grams.count == layers.count else {
        throw PipelineError(
          .corruptArtifact,
          "artifact \(digest.short) holds \(grams.count) Grams for \(layers.count) layers")
      }
      if sums.isEmpty {
        sums = grams
      } else {
        for (index, gram) in grams.enumerated() { try sums[index].add(gram) }
      }
    }
    var artifacts: [Digest] = []
    for sum in sums { artifacts.append(try await bench.artifacts.put(sum.encoded())) }
    return Outcome(NoSummary(), artifacts: artifacts)
  }
}

/// Several blobs in one artifact, each preceded by its length in bytes.
enum Bundle {
  static func packed(_ parts: [Data]) -> Data {
    var data = Data(capacity: parts.reduce(0) { $0 + $1.count + 8 })
    for part in parts {
      withUnsafeBytes(of: UInt64(part.count).littleEndian) { data.append(contentsOf: $0) }
      data.append(part)
    }
    return data
  }

  /// - Throws: ``PipelineError`` with `corruptArtifact` naming the digest.
  static func unpacked(_ data: Data, of digest: Digest) throws -> [Data] {
    var parts: [Data] = []
    var rest = data[...]
    while !rest.isEmpty {
      guard rest.count >= 8 else { break }
      let length = rest.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      rest = rest.dropFirst(8)
      guard length <= UInt64(rest.count) else { break }
      parts.append(Data(rest.prefix(Int(length))))
      rest = rest.dropFirst(Int(length))
      if rest.isEmpty { return parts }
    }
    throw PipelineError(
      .corruptArtifact, "artifact \(digest.short) is not a bundle; remove its file")
  }
}
