import Datasets
import Devices
import Digests
import Foundation
import Importance
import ONNXFormat
import Pipeline
import Quantities

/// A sweep of many small tiles, whose results are known without computing anything.
public struct SimulatedSweep: Sendable {
  public let definition: SweepDefinition
  public let pipeline: Pipeline
  public let tiles: SimulatedTiles
  public let layout: TileLayout

  private static let tileImages = 2

  /// - Parameters:
  ///   - tiles: Tiles of the calibration set: T (T + 1) / 2 pairs.
  ///   - put: Stores an artifact; by default nowhere.
  public init(
    tiles: Int, put: (Data) throws -> Digest = { Digest(of: $0) }
  ) throws {
    layout = TileLayout(samples: tiles * Self.tileImages, tileSize: Self.tileImages)
    let model = try ONNXModel.encode(try SimulatedNetwork.make())
    definition = try Self.definition(model: model, layout: layout, put: put)
    pipeline = try Pipeline(
      definition, network: try ONNXModel.decode(model, name: "simulated"))
    self.tiles = SimulatedTiles(taps: pipeline.taps, images: Self.tileImages)
  }

  /// The jobs of all pairs of tiles.
  public func jobs() throws -> [Job] {
    guard case .needs(let kernel) = try pipeline.advance(Results()), kernel.count == 1 else {
      throw SimulationError(description: "the sweep does not begin with its kernel")
    }
    let output = JobOutput(
      summary: tiles.kernelSummary, artifacts: [Digest(of: tiles.reference.encoded())])
    let results = Results(outputs: [kernel[0].key: output])
    guard case .needs(let jobs) = try pipeline.advance(results) else { return [] }
    return jobs
  }

  /// The digest of the scores without a cluster.
  public func expectedScores() throws -> Digest {
    var reduction = ScoreReduction(layout: layout, taps: tiles.taps)
    for pair in layout.pairs { try reduction.add(try tiles.statistics(of: pair)) }
    return ImportanceScores(try reduction.dependence()).digest
  }

  private static func definition(
    model: Data, layout: TileLayout, put: (Data) throws -> Digest
  ) throws -> SweepDefinition {
    let model = try put(model)
    let size = SimulatedNetwork.image.reduce(1, *)
    let shards = try (0..<layout.tiles).map { tile in
      let values = (0..<tileImages * size).map { Float(tile) + Float($0) / Float(size) }
      let shard = DataShard(
        inputs: [
          InputColumn(name: "input", shape: SimulatedNetwork.image, storage: .values(values))
        ], labels: nil)
      return try put(shard.encoded())
    }
    var recipe = Recipe()
    recipe.tileSize = tileImages
    recipe.scoresOnly = true
    return SweepDefinition(
      name: "simulated", model: ModelReference(name: "simulated.onnx", digest: model),
      calibration: DatasetReference(
        name: "simulated", digest: Digest(parts: shards.map(\.hex)), count: layout.samples,
        inputs: [DataInput(name: "input", shape: SimulatedNetwork.image)], shardSize: tileImages,
        shards: shards),
      evaluation: nil,
      devices: [
        DeviceProfile(name: "half", budgets: [Budget(resource: .macs, amount: .share(0.5))])
      ], recipe: recipe)
  }
}
