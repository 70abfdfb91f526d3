import Datasets
import Digests
import Execution
import Foundation
import Importance
import NetworkGraph
import Tensors

/// Measures the scores of a network on random images: all jobs of the pass, one after the other, in
/// one process.
public enum ScorePassBenchmark {
  /// What one pass over N images took.
  public struct Pass: Sendable, Codable {
    public var images: Int
    public var seconds: Double
  }

  /// A pass over N images takes a · N + b · N² seconds.
  public struct CostModel: Sendable, Codable {
    /// a.
    public var secondsPerImage: Double
    /// b.
    public var secondsPerPair: Double

    public func seconds(_ images: Int) -> Double {
      Double(images) * (secondsPerImage + Double(images) * secondsPerPair)
    }
  }

  public struct Figures: Sendable, Codable {
    public var taps: Int
    /// Elements of an image at all taps.
    public var features: Int
    public var tileSize: Int
    public var threads: Int
    /// Bytes of a tile on its way.
    public var tileBytes: Int
    /// Images a second through the network into tiles.
    public var forward: Double
    /// Of kernels and sums over pairs, with `sgemm` in the same run.
    public var kernels: ScoreBenchmark.Figures
    /// What forward passes, laying features out, kernels and sums, each measured alone, say.
    public var parts: CostModel
    /// What the passes say; nil for passes over one number of images.
    public var fitted: CostModel?
    public var passes: [Pass]
  }

  /// - Parameters:
  ///   - counts: N of the passes; with two or more, a cost model is fitted to them.
  ///   - memory: Of the worker, in bytes.
  public static func run(
    network: Network, backend: any Backend, taps kind: TapKind, counts: [Int], tileSize: Int,
    threads: Int, memory: Int
  ) async throws -> Figures {
    precondition(!counts.isEmpty && counts.allSatisfy { $0 > 1 }, "passes over \(counts) images")
    let taps = try network.taps(kind, groups: network.channelGroups())
    let features = taps.map { network[$0].shape.elementsPerImage }
    let images = counts[0]
    let footprint = ScoreFootprint(
      try TapStretches(of: network, taps: taps), microBatch: MicroBatches.size(for: network),
      threads: threads)
    // Parts and passes take turns, so that both meet the machine in the same states.
    var forward: [Double] = []
    var kernels: [ScoreBenchmark.Figures] = []
    var passes: [Pass] = []
    for count in counts {
      forward.append(
        try await secondsPerImage(
          network, backend, taps, images: images, tileSize: tileSize, threads: threads))
      kernels.append(
        try ScoreBenchmark.run(
          features: features, samples: images, tileSize: tileSize, threads: threads))
      let sweep = RandomSweep(
        network: network, taps: kind, images: count, tileSize: tileSize)
      let seconds = try await sweep.seconds(
        network,
        Workbench(
          backend: backend, threads: threads, artifacts: sweep.artifacts, cacheBytes: memory))
      passes.append(Pass(images: count, seconds: seconds))
    }
    let mean = ScoreBenchmark.Figures(meanOf: kernels)
    let secondsPerImage = forward.reduce(0, +) / Double(forward.count)
    return Figures(
      taps: taps.count, features: features.reduce(0, +), tileSize: tileSize, threads: threads,
      tileBytes: footprint.total(images: min(images, tileSize), tiles: 1, pairs: 0),
      forward: 1 / secondsPerImage, kernels: mean,
      parts: CostModel(
        secondsPerImage: secondsPerImage + mean.layoutSeconds / Double(images),
        secondsPerPair: (max(mean.kernelSeconds - mean.layoutSeconds, 0) + mean.pairSeconds)
          / Double(images * images)),
      fitted: CostModel(fittedTo: passes), passes: passes)
  }

  /// An image's way through the network, tap by tap: what tiles take beside the first, which pays for
  /// making plans and for memory that was not touched before.
  private static func secondsPerImage(
    _ network: Network, _ backend: any Backend, _ taps: [ValueID], images: Int, tileSize: Int,
    threads: Int
  ) async throws -> Double {
    let sweep = RandomSweep(network: network, taps: .groups, images: images, tileSize: tileSize)
    // Whole ones: how long a smaller tile takes tells less.
    let tiles = sweep.calibration.shards.prefix(max(images / tileSize, 1)).enumerated().map {
      ImageTile(shard: $1, images: sweep.calibration.images(inShard: $0))
    }
    let bench = Workbench(
      backend: backend, threads: threads, artifacts: sweep.artifacts, cacheBytes: .max)
    let pass = TilePass(
      model: PreparedModel(digest: Digest(of: Data()), network: network), taps: taps,
      centres: taps.map { _ in [] }, microBatch: MicroBatches.size(for: network), bench: bench)
    func seconds(_ tiles: [ImageTile]) async throws -> Double {
      let start = ContinuousClock.now
      try await pass.run(tiles, taking: 0) { _, _ in }
      return (ContinuousClock.now - start) / .seconds(1)
    }
    _ = try await seconds([tiles[0]])
    let first = try await seconds([tiles[0]])
    let others = tiles.count > 1 ? try await seconds(tiles) - first : 0
    return others > 0
      ? others / Double((tiles.count - 1) * tileSize) : first / Double(tiles[0].images)
  }
}

extension ScorePassBenchmark.CostModel {
  /// The line through (N, T/N): T/N = a + b · N, with the least relative errors squared, because a
  /// machine's speed changes by a share of it; nil where it is through one N alone.
  init?(fittedTo passes: [ScorePassBenchmark.Pass]) {
    guard Set(passes.map(\.images)).count > 1 else { return nil }
    let points = passes.map { pass in
      let y = pass.seconds / Double(pass.images)
      return (x: Double(pass.images), y: y, weight: 1 / (y * y))
    }
    let total = points.reduce(0) { $0 + $1.weight }
    let (x, y) = (
      points.reduce(0) { $0 + $1.weight * $1.x } / total,
      points.reduce(0) { $0 + $1.weight * $1.y } / total
    )
    let spread = points.reduce(0) { $0 + $1.weight * ($1.x - x) * ($1.x - x) }
    secondsPerPair = points.reduce(0) { $0 + $1.weight * ($1.x - x) * ($1.y - y) } / spread
    secondsPerImage = y - secondsPerPair * x
  }
}

/// A sweep for scores on random images, in memory.
private struct RandomSweep {
  let artifacts = MemoryArtifacts()
  let calibration: DatasetReference
  let recipe: Recipe

  init(network: Network, taps: TapKind, images: Int, tileSize: Int) {
    var recipe = Recipe()
    recipe.scoresOnly = true
    recipe.taps = taps
    recipe.tileSize = tileSize
    recipe.microBatch = MicroBatches.size(for: network)
    self.recipe = recipe
    // Cut by cut: all images together may be many gigabytes.
    let store = artifacts
    let shards = stride(from: 0, to: images, by: tileSize).map { start in
      let count = min(tileSize, images - start)
      let columns = network.dataInputs.map { input in
        InputColumn(
          name: input.name, shape: input.shape,
          storage: .values(Self.numbers(count * input.shape.elementCount, seed: start)))
      }
      return store.put(DataShard(inputs: columns, labels: nil).encoded())
    }
    calibration = DatasetReference(
      name: "random", digest: Digest(parts: shards.map(\.hex)), count: images,
      inputs: network.dataInputs, shardSize: tileSize, shards: shards)
  }

  /// Numbers spread over −1…1 without order: a generator's, mixed as SplitMix64 does.
  private static func numbers(_ count: Int, seed: Int) -> [Float] {
    (0..<count).map { place in
      var z = UInt64(truncatingIfNeeded: place + 1 + seed << 32) &* 0x9E37_79B9_7F4A_7C15
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return Float(Int64(bitPattern: z ^ (z >> 31)) >> 32) / Float(1 << 31)
    }
  }

  /// Drives the sweep to its end.
  func seconds(_ network: Network, _ bench: Workbench) async throws -> Double {
    let definition = SweepDefinition(
      name: "benchmark", model: ModelReference(name: network.name, digest: Self.model),
      calibration: calibration, evaluation: nil, devices: [], recipe: recipe)
    let pipeline = try Pipeline(definition, network: network)
    bench.cache.remember(
      PreparedModel(digest: Self.model, network: network), bytes: 0, for: "model/\(Self.model)")
    let start = ContinuousClock.now
    var results = Results()
    while case .needs(let jobs) = try pipeline.advance(results) {
      var waiting = try jobs.map { (key: $0.key, request: try JobRequest(payload: $0.payload)) }
      while !waiting.isEmpty {
        let places = await JobRequest.next(of: waiting.map(\.request), on: bench)
        let outputs = await JobRequest.run(places.map { waiting[$0].request }, on: bench)
        for (place, output) in zip(places, outputs) {
          results.outputs[waiting[place].key] = try output.get()
        }
        for place in places.reversed() { waiting.remove(at: place) }
      }
    }
    return (ContinuousClock.now - start) / .seconds(1)
  }

  private static let model = Digest(of: Data("benchmark".utf8))
}
