import CoordinatorService
import Datasets
import Devices
import Digests
import Foundation
import NetworkGraph
import ONNXFormat
import Pipeline

/// Reads everything a user names, checks that it fits, and stores it for the workers.
struct SweepPreparation {
  let options: SweepOptions

  /// The definition of the sweep; its model and images are in `store` afterwards.
  ///
  /// - Throws: The error of whatever file is at fault, before anything is started.
  func definition(in store: ArtifactStore) throws -> SweepDefinition {
    let file = URL(filePath: options.model)
    let network = try ONNXModel.read(file)
    let devices = try DeviceCatalogue.read(URL(filePath: options.devices))
    var recipe = Recipe()
    recipe.taps = options.taps
    recipe.utility = options.utility
    recipe.strategy = options.strategy
    recipe.beta = options.beta
    recipe.plansOnly = options.planOnly
    recipe.evaluates = options.evaluate
    let calibration = try calibrationSet()
    var evaluation: ImageDataset?
    if let path = options.evaluation, options.evaluate, !options.planOnly {
      let data = try ImageDataset.read(URL(filePath: path))
      try data.check(for: network)
      evaluation = data
    }
    let definition = SweepDefinition(
      name: options.name ?? defaultName,
      model: ModelReference(
        name: file.lastPathComponent, digest: try Self.store(network, file: file, in: store)),
      calibration: try Self.store(
        calibration, name: options.calibration, shardSize: recipe.tileSize, in: store),
      evaluation: try evaluation.map {
        try Self.store(
          $0, name: options.evaluation ?? "", shardSize: recipe.evaluationShard, in: store)
      },
      devices: devices, recipe: recipe)
    // The pipeline's own checks: shapes, taps, prunable groups.
    _ = try Pipeline(definition, network: network)
    return definition
  }

  private var defaultName: String {
    func stem(_ path: String) -> String {
      URL(filePath: path).deletingPathExtension().lastPathComponent
    }
    return "\(stem(options.model))-\(stem(options.devices))"
  }

  private func calibrationSet() throws -> ImageDataset {
    let all = try ImageDataset.read(URL(filePath: options.calibration))
    let wanted = options.samples ?? 1000
    guard options.samples == nil || wanted <= all.count else {
      throw InputError(
        "\(options.calibration) has \(all.count) images, and --samples asks for \(wanted): ask for fewer"
      )
    }
    let count = min(wanted, all.count)
    guard count >= 2 else {
      throw InputError(
        "\(options.calibration) has \(all.count) image; calibration needs two or more")
    }
    guard let seed = options.seed else { return all.selecting(Array(0..<count)) }
    var generator = SplitMix64(state: seed)
    let drawn = (0..<all.count).shuffled(using: &generator).prefix(count)
    return all.selecting(drawn.sorted())
  }

  /// The file as it is, or, where its weights lie in other files, one file with all of them.
  private static func store(
    _ network: Network, file: URL, in store: ArtifactStore
  ) throws -> Digest {
    let data = try Data(contentsOf: file)
    if (try? ONNXModel.decode(data, name: file.lastPathComponent)) != nil {
      return try store.put(data)
    }
    return try store.put(try ONNXModel.encode(network))
  }

  private static func store(
    _ dataset: ImageDataset, name: String, shardSize: Int, in store: ArtifactStore
  ) throws -> DatasetReference {
    let shards = try stride(from: 0, to: dataset.count, by: shardSize).map { start in
      try store.put(
        dataset.shard(start..<min(start + shardSize, dataset.count)).encoded())
    }
    return DatasetReference(
      name: URL(filePath: name).lastPathComponent, digest: dataset.digest, count: dataset.count,
      shape: dataset.shape, shardSize: shardSize, shards: shards)
  }
}

extension ImageDataset {
  /// Throws unless accuracies of the network can be counted on these images.
  func check(for network: Network) throws {
    guard let input = network.inputs.first, let output = network.outputs.first else { return }
    try check(
      input: Array(network[input].shape.resolved(batch: 1).dropFirst()),
      classes: network[output].shape.elementsPerImage)
  }
}

/// A small seeded generator; the same draw on every machine.
private struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
