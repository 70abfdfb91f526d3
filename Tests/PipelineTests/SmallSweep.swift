import Datasets
import Devices
import Digests
import Execution
import Foundation
import NetworkGraph
import NetworkTestSupport
import ONNXFormat
import OneDNNBackend
import Pipeline
import Quantities
import Tensors
import TestSupport

/// A sweep small enough for a test, with every kind of layer that the stages care about.
struct SmallSweep {
  let artifacts = MemoryArtifacts()
  let network: Network
  var definition: SweepDefinition

  static let shape = [3, 8, 8]

  init(
    network: Network? = nil, devices: [DeviceProfile] = SmallSweep.devices,
    images: (calibration: Int, evaluation: Int) = (48, 40), seed: UInt64 = 7
  ) throws {
    let file = try ONNXModel.encode(try network ?? Self.residualNetwork())
    let model = artifacts.put(file)
    self.network = try ONNXModel.decode(file, name: "small")
    var recipe = Recipe()
    recipe.tileSize = 16
    recipe.gramPositions = 16
    recipe.sensitivityImages = 20
    recipe.microBatch = 4
    recipe.evaluationShard = 16
    let calibration = Self.images(images.calibration, seed: seed)
    let evaluation = try Self.labelled(
      Self.images(images.evaluation, seed: seed + 1), by: self.network)
    definition = SweepDefinition(
      name: "test", model: ModelReference(name: "small.onnx", digest: model),
      calibration: Self.stored(calibration, "calibration", tile: 16, in: artifacts),
      evaluation: Self.stored(evaluation, "evaluation", tile: 16, in: artifacts),
      devices: devices, recipe: recipe)
  }

  func pipeline() throws -> Pipeline { try Pipeline(definition, network: network) }

  func bench(
    threads: Int = 1, backend: any Backend = OneDNNBackend(), cacheBytes: Int = 1 << 30
  ) -> Workbench {
    Workbench(backend: backend, threads: threads, artifacts: artifacts, cacheBytes: cacheBytes)
  }

  /// The sweep as it is, run once for all tests that look at its ending.
  static var plain: (sweep: SmallSweep, ending: Ending) {
    get async throws { try await running.value }
  }

  private static let running = Task {
    let sweep = try SmallSweep()
    return (sweep: sweep, ending: try await sweep.run())
  }

  /// Drives the sweep in order on one thread.
  func run() async throws -> Ending { try await Cluster(bench: bench()).drive(pipeline()) }

  func decoded(_ digest: Digest) throws -> Network {
    try ONNXModel.decode(try artifacts.data(for: digest), name: "artifact")
  }
}

extension SmallSweep {
  static let devices = [
    device("server", [.macs: 1]), device("phone", [.macs: 0.5]),
    device("watch", [.macs: 0.6, .parameters: 0.4, .modelBytes: 0.5], multiple: 2),
  ]

  /// - Parameter shares: Budgets as shares of the dense network.
  static func device(
    _ name: String, _ shares: [BudgetResource: Double], multiple: Int = 1, keep: Double = 0.1
  ) -> DeviceProfile {
    DeviceProfile(
      name: name, deviceClass: "test",
      budgets: BudgetResource.allCases.compactMap { resource in
        shares[resource].map { Budget(resource: resource, amount: .share($0)) }
      }, channelMultiple: multiple, minimumKeepRatio: keep)
  }

  /// A stem, a block with an identity shortcut, one with a layer in its shortcut, a classifier.
  static func residualNetwork(seed: UInt64 = 3) throws -> Network {
    var builder = NetworkBuilder("small", input: shape, seed: seed)
    func normalised(_ x: ValueID, _ outputs: Int, stride: Int = 1, _ name: String) throws -> ValueID
    {
      let y = try builder.convolution(
        x, outputs: outputs, stride: stride, bias: false, name: "\(name).conv")
      return try builder.batchNormalization(y, name: "\(name).norm")
    }
    var x = try builder.relu(normalised(builder.input, 8, "stem"), name: "stem.relu")
    for (block, (width, stride)) in [(8, 1), (12, 2)].enumerated() {
      let name = "block\(block)"
      let inner = try builder.relu(
        normalised(x, width + 2, stride: stride, "\(name).inner"), name: "\(name).inner.relu")
      let outer = try normalised(inner, width, "\(name).outer")
      let shortcut = stride == 1 ? x : try normalised(x, width, stride: 2, "\(name).shortcut")
      x = try builder.relu(
        builder.add(outer, shortcut, name: "\(name).sum"), name: "\(name).relu")
    }
    let logits = try builder.gemm(builder.flatten(builder.globalAverage(x)), outputs: 4, name: "fc")
    return builder.finished(logits)
  }

  /// Mixtures of a few smooth patterns with a little noise: channels then depend on each other.
  static func images(_ count: Int, seed: UInt64) -> DataShard {
    var generator = SeededGenerator(seed: seed)
    var pixels: [UInt8] = []
    for _ in 0..<count {
      for _ in 0..<shape[0] {
        let wave = (0..<3).map { _ in Double.random(in: -1...1, using: &generator) }
        for row in 0..<shape[1] {
          for column in 0..<shape[2] {
            let (y, x) = (Double(row) / 8, Double(column) / 8)
            let noise = Double.random(in: -0.1...0.1, using: &generator)
            let value = wave[0] + wave[1] * cos(3 * x) + wave[2] * sin(3 * y) + noise
            pixels.append(UInt8(max(0, min(255, 128 + 50 * value))))
          }
        }
      }
    }
    let normalisation = Normalisation(mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2])
    let column = InputColumn(
      name: "input", shape: shape, storage: .pixels(pixels, normalisation))
    return DataShard(inputs: [column], labels: nil)
  }

  /// The network's own answers as labels, every fifth one wrong.
  static func labelled(_ images: DataShard, by network: Network) throws -> DataShard {
    let plan = try ReferenceBackend().plan(network, options: ExecutionOptions(batch: images.count))
    let logits = try plan.run(images.tensors).values[network.outputs[0]]
    let classes = network[network.outputs[0]].shape.elementsPerImage
    let labels = (0..<images.count).map { image in
      let answers = (0..<classes).map { logits?.elements[image * classes + $0] ?? 0 }
      let best = answers.indices.max { answers[$0] < answers[$1] } ?? 0
      return image % 5 == 4 ? (best + 1) % classes : best
    }
    return DataShard(inputs: images.inputs, labels: labels)
  }

  static func stored(
    _ images: DataShard, _ name: String, tile: Int, in artifacts: MemoryArtifacts
  ) -> DatasetReference {
    let shards = stride(from: 0, to: images.count, by: tile).map { start in
      artifacts.put(images.shard(start..<min(start + tile, images.count)).encoded())
    }
    return DatasetReference(
      name: name, digest: images.digest, count: images.count,
      inputs: [DataInput(name: "input", shape: shape)], shardSize: tile, shards: shards)
  }
}
