import CoordinatorService
import Datasets
import Devices
import Digests
import Execution
import Foundation
import NetworkGraph
import ONNXFormat
import Pipeline
import Solvers

/// Reads everything a user names, checks that it fits, and stores it for the workers.
struct SweepPreparation {
  let scoring: ScoreOptions
  /// Nil where only scores are asked for.
  let options: SweepOptions?
  /// Workers that are yet to be started; nil where they are not ours to choose.
  var workers: WorkerOptions?

  init(options: SweepOptions, workers: WorkerOptions? = nil) {
    scoring = options.scoring
    self.options = options
    self.workers = workers
  }

  init(scoring: ScoreOptions, workers: WorkerOptions) {
    self.scoring = scoring
    options = nil
    self.workers = workers
  }

  /// The definition of the sweep; its model and images are in `store` afterwards.
  ///
  /// - Throws: The error of whatever file is at fault, before anything is started.
  func definition(in store: ArtifactStore) throws -> SweepDefinition {
    let file = URL(filePath: scoring.model)
    let network = try scoring.models.read(scoring.model)
    var recipe = Recipe()
    scoring.choose(in: &recipe)
    recipe.scoresOnly = options == nil
    recipe.evaluates = options != nil
    var tables: [String: LatencyTable] = [:]
    let devices =
      try options.map { try choose($0, for: network, in: &recipe, &tables, store) } ?? []
    let calibration = try calibrationSet(for: network)
    recipe.tileSize = try scoring.tile ?? network.tileSize(recipe.taps)
    recipe.microBatch = MicroBatches.size(for: network)
    let evaluation = try options.flatMap { try evaluationSet($0, for: network, in: &recipe) }
    var definition = SweepDefinition(
      name: scoring.name ?? defaultName,
      model: ModelReference(
        name: file.lastPathComponent, digest: try Self.store(network, file: file, in: store)),
      calibration: try Self.store(
        calibration, name: scoring.calibration, shardSize: recipe.tileSize, in: store),
      evaluation: try evaluation.map {
        try Self.store(
          $0, name: options?.evaluation ?? "", shardSize: recipe.evaluationShard, in: store)
      },
      devices: devices, recipe: recipe)
    // The pipeline's own checks: shapes, taps, prunable groups, memory.
    let pipeline: Pipeline
    do {
      pipeline = try Pipeline(definition, network: network, latencyTables: tables)
    } catch let error as PipelineError where error.code == .unsuitableDevice {
      throw InputError("\(options?.devices ?? ""): \(error.message)")
    }
    if let workers {
      try pipeline.checkScoreMemory(workers.memory << 20, threads: workers.threads)
    }
    if let evaluation { definition.countShared(evaluation, calibration) }
    if options != nil { for remark in pipeline.remarks { note(remark) } }
    return definition
  }

  /// Makes the choices beyond scores; returns the devices, and their tables by digest.
  private func choose(
    _ options: SweepOptions, for network: Network, in recipe: inout Recipe,
    _ tables: inout [String: LatencyTable], _ store: ArtifactStore
  ) throws -> [DeviceProfile] {
    recipe.utility = options.utility
    guard (0.1...100).contains(options.errorPower) else {
      throw InputError("--error-power \(options.errorPower): give a number from 0.1 to 100")
    }
    recipe.errorPower = options.errorPower
    recipe.strategy = options.strategy
    recipe.allocationGap = options.gap
    recipe.candidates = options.top
    recipe.isLadder = options.ladder
    recipe.criterion = options.criterion
    recipe.recoverWith = options.recoverWith
    recipe.recoveryMinutes = options.recoveryMinutes
    recipe.plansOnly = options.planOnly
    recipe.evaluates = options.evaluate
    recipe.metric = options.metric ?? network.defaultMetric
    recipe.reconstruction = options.reconstruction
    guard (0...1000).contains(options.meanWeight) else {
      throw InputError("--mean-weight \(options.meanWeight): give a number from 0 to 1000")
    }
    recipe.meanWeight = options.meanWeight
    recipe.mirrors = options.mirror
    guard (1...1_000_000).contains(options.steps) else {
      throw InputError("--steps \(options.steps): give a number from 1 to 1000000")
    }
    recipe.jointSteps = options.steps
    recipe.exchanges = options.exchange
    recipe.latencyRepeats = options.measureLatency ? 50 : 0
    let devices = try DeviceCatalogue.read(URL(filePath: options.devices))
    var digests: [String: String] = [:]
    for path in Set(devices.compactMap(\.latencyTable)) {
      let table = try LatencyTable.read(URL(filePath: path))
      let digest = try store.put(try CanonicalJSON.encode(table)).hex
      digests[path] = digest
      tables[digest] = table
    }
    return devices.map { $0.with(latencyTable: $0.latencyTable.flatMap { digests[$0] }) }
  }

  private func evaluationSet(
    _ options: SweepOptions, for network: Network, in recipe: inout Recipe
  ) throws -> Dataset? {
    guard let path = options.evaluation, options.evaluate, !options.planOnly else { return nil }
    let data = try Dataset.read(path, for: network)
    try data.check(for: network, by: recipe.metric)
    recipe.evaluationShard = data.evaluationShard
    return data
  }

  private var defaultName: String {
    func stem(_ path: String) -> String {
      URL(filePath: path).deletingPathExtension().lastPathComponent
    }
    return "\(stem(scoring.model))-\(options.map { stem($0.devices) } ?? "scores")"
  }

  private func calibrationSet(for network: Network) throws -> Dataset {
    let all = try Dataset.read(scoring.calibration, for: network)
    let wanted = scoring.samples ?? 1000
    guard scoring.samples == nil || wanted <= all.count else {
      throw InputError(
        "\(scoring.calibration) has \(all.count) images, and --samples asks for \(wanted): ask for fewer"
      )
    }
    let count = min(wanted, all.count)
    guard count >= 2 else {
      throw InputError(
        "\(scoring.calibration) has \(all.count) image; calibration needs two or more")
    }
    guard let seed = scoring.seed else { return all.selecting(Array(0..<count)) }
    var generator = SplitMix64(seed: seed)
    let drawn = (0..<all.count).shuffled(using: &generator).prefix(count)
    return all.selecting(drawn.sorted())
  }

  /// The file as it is, or, where its weights lie in other files or axes were bound, one file with
  /// all there is to know.
  private static func store(
    _ network: Network, file: URL, in store: ArtifactStore
  ) throws -> Digest {
    let data = try Data(contentsOf: file)
    if let own = try? ONNXModel.decode(data, name: file.lastPathComponent),
      own.dataInputs == network.dataInputs
    {
      return try store.put(data)
    }
    return try store.put(try ONNXModel.encode(network))
  }

  private static func store(
    _ dataset: Dataset, name: String, shardSize: Int, in store: ArtifactStore
  ) throws -> DatasetReference {
    let shards = try stride(from: 0, to: dataset.count, by: shardSize).map { start in
      try store.put(
        dataset.shard(start..<min(start + shardSize, dataset.count)).encoded())
    }
    return DatasetReference(
      name: URL(filePath: name).lastPathComponent, digest: dataset.digest, count: dataset.count,
      inputs: dataset.inputs.map { DataInput(name: $0.name ?? "", shape: $0.shape) },
      shardSize: shardSize, shards: shards)
  }
}

extension Dataset {
  /// Reads a data set as a network takes it; says on standard error which files were left out.
  static func read(_ path: String, for network: Network) throws -> Dataset {
    let data = try Dataset.read(URL(filePath: path)).matched(to: network.dataInputs)
    for file in data.skipped { note("\(path): left out \(file.name): \(file.reason)") }
    return data
  }

  /// Throws unless a network can be evaluated on these samples.
  func check(for network: Network, by metric: EvaluationMetric) throws {
    guard metric == .accuracy else { return }
    guard let classes = network.classes else {
      throw InputError(
        "the first output of \(network.name) is not class scores; give --metric agreement")
    }
    try checkLabels(classes: classes)
  }

  /// Enough shards for several workers, none of more than 512 samples.
  fileprivate var evaluationShard: Int { min(512, max(32, count / 8)) }
}

extension Network {
  /// Accuracy where the first output is class scores, else agreement with the dense network.
  var defaultMetric: EvaluationMetric { classes == nil ? .agreement : .accuracy }

  /// Images in a tile: as many as keep what they leave at the taps and at layers' inputs below
  /// 320 MiB, at most 128. Decided by the network alone, so that scores do not depend on where they
  /// were computed.
  func tileSize(_ taps: TapKind) throws -> Int {
    let limit = 320 << 20
    let bytes = try 4 * featuresPerImage(taps)
    return [128, 64, 32, 16, 8].first { $0 * bytes <= limit } ?? 4
  }
}
