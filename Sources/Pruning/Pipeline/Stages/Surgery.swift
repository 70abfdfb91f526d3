import Datasets
import Digests
import Execution
import NetworkGraph
import ONNXFormat
import Parallelism
import Quantities
import Recovery
import Surgery
import Tensors

/// The variant of one plan: cut out, fitted again, and written as two ONNX files.
struct PlanSurgery: JobComputation {
  static let stage = Stage.surgery
  static let kind = "plan-surgery-20"
  static let scalesWithThreads = true

  struct Summary: Codable, Sendable {
    var macs: MACs
    var parameters: ParameterCount
    var modelBytes: Bytes
    var peakActivationBytes: Bytes
    /// How BatchNorm statistics were chosen: `dense`, or `calibration` where that is nearer to the
    /// dense network on images held back for the choice.
    var batchNormalization: String
    /// `single`, `sequential`, `rectified`, `paired` or `joint`, whichever was nearest to the dense
    /// network on the same images; `dense` where nothing was cut.
    var reconstruction: String
    /// Relative squared change of the outputs on the images held back.
    var outputError: Double
    /// Layers whose fit was not finite: they have the weights of the single pass.
    var unfitted: [String]
  }

  var model: Digest
  var modelName: String
  /// By group: the units that stay.
  var selection: ChannelSelection
  /// Summed Grams of all consumers, on the shards that layers are fitted to, by layer name.
  var grams: [String: Digest]
  /// Calibration shards that layers are fitted to.
  var shards: [Digest]
  /// Those that decide between fits.
  var heldBack: [Digest]
  /// Whether units are exchanged first, where that lowers the error of a group.
  var exchanges: Bool
  var reconstruction: ReconstructionKind
  var sequentialDamping: Double
  var meanWeight: Int
  var mirrors: Bool
  /// Steps of a fit of all layers together.
  var jointSteps: Int
  /// Positions of each image that enter a fit layer by layer, at most.
  var positions: Int
  var microBatch: Int

  /// Alternations of a fit to what activations let through.
  private static let clampSteps = 4
  /// Rounds of a fit of two layers together.
  private static let pairRounds = 3
  /// A change of the outputs, relative and squared, that no further fit need lower.
  private static let negligibleError = 1e-6
  /// Where the single pass leaves less than this, half of the images are enough: what a fit owes to
  /// chance is a share of what there is to repair.
  private static let slightError = 0.01
  /// Images that BatchNorm statistics are measured on, about: each has as many positions as a layer.
  private static let statisticsImages = 256
  /// Plans that are fitted together, at most: a fifth would save a hundredth more, and nobody hears of
  /// any before the last is through.
  private static let greatestCompany = 4
  /// What samples may hold, in bytes.
  private static let heldBytes = 3 << 29

  /// How many passes of the dense network surgery takes as long as, about, as measured: what is done
  /// layer by layer, and all layers together.
  static func passes(
    _ reconstruction: ReconstructionKind, images: Int, steps: Int
  ) -> (layers: Double, joint: Double) {
    let perImage: Double =
      switch reconstruction {
      case .single: 1
      case .sequential, .rectified: 3
      case .paired, .joint: 5
      }
    return (
      perImage * Double(images),
      reconstruction == .joint ? Double(steps) * JointReconstruction.passesOfStep : 0
    )
  }

  /// Plans that fit layers one by one to the same dense network on the same samples. A fit of all
  /// layers together takes so much longer that its plans had better be done one after the other.
  var pass: Digest? {
    var common = self
    common.selection = ChannelSelection()
    guard reconstruction != .single, reconstruction != .joint,
      let fields = try? CanonicalJSON.encode(common)
    else {
      return nil
    }
    return Digest(of: fields)
  }

  static func companions(among plans: [Self], on bench: Workbench) async throws -> Int {
    let first = plans[0]
    let model = try await bench.model(first.model)
    let fit = first.layerwise(model, on: bench)
    let samples = try await first.samples(bytesEach: fit.bytesHeldPerSample, on: bench)
      .reduce(0) { $0 + $1.count }
    return try await bench.compute {
      let forms = try plans.prefix(Self.greatestCompany).map { plan in
        try model.network.pruned(plan.selection, groups: model.groups)
      }
      let fitting = (1...forms.count).last { count in
        // The rest is for the model, its plans and the samples.
        fit.bytes(for: forms.prefix(count), samples: first.looks * samples)
          <= bench.cache.limit / 4 * 3
      }
      return fitting ?? 1
    }
  }

  func compute(on bench: Workbench) async throws -> Outcome<Summary> {
    try await Self.compute([self], on: bench)[0].get()
  }

  /// - Returns: By plan; artifacts: the network after surgery alone, and after reconstruction.
  static func compute(
    _ plans: [Self], on bench: Workbench
  ) async throws -> [Result<Outcome<Summary>, any Error>] {
    let model = try await bench.model(plans[0].model)
    var drafts: [Draft] = []
    for plan in plans { drafts.append(try await plan.draft(model, on: bench)) }
    let open = drafts.indices.filter { drafts[$0].isOpen && plans[$0].reconstruction != .single }
    if let first = open.first {
      let fitted = try await plans[first].sequential(model, open.map { drafts[$0].form }, on: bench)
      for (place, fitted) in zip(open, fitted) { drafts[place].layered = fitted }
    }
    return await zip(plans, drafts).results { plan, draft in
      try await plan.outcome(model, of: draft, on: bench)
    }
  }

  /// A plan's network before and after the single pass.
  private struct Draft {
    var form: PrunedForm
    var single: Recovered
    /// Its layers fitted one by one.
    var layered: SequentialReconstruction.Fitted?

    /// Whether a further fit may find something to repair.
    var isOpen: Bool { !(single.error <= PlanSurgery.negligibleError) }
  }

  private func draft(_ model: PreparedModel, on bench: Workbench) async throws -> Draft {
    let (network, groups) = (model.network, model.groups)
    guard selection.widths(groups) != groups.map(\.width) else {
      return Draft(
        form: PrunedForm(pruned: network, prior: network, kept: [:]),
        single: Recovered(network: network, fit: "dense"))
    }
    let grams = try await bench.grams(self.grams)
    let form = try await bench.compute { [selection, exchanges] in
      let selection =
        exchanges ? try network.exchanging(selection, groups: groups, grams: grams) : selection
      return PrunedForm(
        pruned: try network.pruned(selection, groups: groups),
        prior: try network.reconstructed(selection, groups: groups, grams: grams)
          .pruned(selection, groups: groups),
        kept: network.keptIndices(selection, groups: groups))
    }
    let single = try await measured(
      Recovered(network: form.prior, fit: "single"), model, on: bench)
    var draft = Draft(form: form, single: single)
    if single.error < Self.slightError { draft.form.share = 0.5 }
    return draft
  }

  /// Whatever is nearest to the dense network.
  private func outcome(
    _ model: PreparedModel, of draft: Draft, on bench: Workbench
  ) async throws -> Outcome<Summary> {
    var nearest = draft.single
    guard draft.isOpen else {
      return try await outcome(model, sliced: draft.form.pruned, nearest, on: bench)
    }
    func take(_ candidate: Recovered) async throws {
      nearest = best(of: [nearest, try await measured(candidate, model, on: bench)])
    }
    if let layered = draft.layered {
      try await take(
        Recovered(
          network: layered.network, fit: reconstruction.byLayer.rawValue,
          unfitted: layered.unfitted))
    }
    if nearest.network.hasBatchNormalization {
      let counts = try await bench.shards(shards).map(\.count)
      let first = counts.prefix(holding: Self.statisticsImages) { $0 }.count
      var recalibrated = nearest
      recalibrated.network = try await bench.recalibrated(
        nearest.network, shards: Array(shards.prefix(first)))
      recalibrated.statistics = "calibration"
      try await take(recalibrated)
    }
    if reconstruction == .joint, !(nearest.error <= Self.negligibleError),
      let network = try await jointly(model, nearest.network, on: bench)
    {
      var joint = nearest
      (joint.network, joint.fit) = (network, ReconstructionKind.joint.rawValue)
      try await take(joint)
    }
    return try await outcome(model, sliced: draft.form.pruned, nearest, on: bench)
  }

  /// All layers fitted together; nil where that is not possible.
  private func jointly(
    _ model: PreparedModel, _ network: Network, on bench: Workbench
  ) async throws -> Network? {
    let fit = JointReconstruction(
      dense: model.network, steps: jointSteps, microBatch: microBatch, runner: bench.runner)
    let bytesPerSample = model.network.inputs.reduce(0) {
      $0 + 4 * model.network[$1].shape.elementsPerImage
    }
    var images = try await samples(bytesEach: bytesPerSample, on: bench)
    var judges = try await bench.shards(heldBack)
    // A shard alone serves for both: its last samples judge then, or every step would seem to pay.
    if shards == heldBack, let shard = images.first {
      let rest = shard.count - max(shard.count / 8, 1)
      guard rest > 0 else { return nil }
      (images, judges) = ([shard.shard(0..<rest)], [shard.shard(rest..<shard.count)])
    }
    let (samples, held) = (inputs(of: images), judges.map(\.tensors))
    let layered = try await self.samples(
      bytesEach: layerwise(model, on: bench).bytesHeldPerSample, on: bench)
    bench.progress.enter(shareOfLayers(looks * layered.reduce(0) { $0 + $1.count })...1)
    // Only numbers that mean an amount can be blended.
    let isBlended = model.network.inputs.allSatisfy { model.network[$0].elementType == .float32 }
    bench.cache.makeRoom(try fit.bytes(for: network))
    return try await bench.compute {
      try fit.refined(network, on: SampleBlends(samples, isBlended: isBlended), held: held)
    }
  }

  /// A candidate with its error on the shards held back.
  private func measured(
    _ candidate: Recovered, _ model: PreparedModel, on bench: Workbench
  ) async throws -> Recovered {
    var measured = candidate
    measured.error = try await bench.outputChange(
      model, against: candidate.network, shards: heldBack, microBatch: microBatch)
    return measured
  }

  /// The one nearest to the dense network; of equal ones the first, which is the plainer.
  private func best(of candidates: [Recovered]) -> Recovered {
    candidates.min { $0.error < $1.error || ($1.error.isNaN && !$0.error.isNaN) } ?? candidates[0]
  }

  /// A way to make up for what was cut.
  private struct Recovered {
    var network: Network
    var fit: String
    var statistics = "dense"
    /// Layers that have the weights of the single pass.
    var unfitted: [String] = []
    var error = 0.0
  }

  private func layerwise(
    _ model: PreparedModel, on bench: Workbench
  ) -> SequentialReconstruction {
    SequentialReconstruction(
      dense: model.network, relativeDamping: sequentialDamping, positions: positions,
      clampSteps: reconstruction == .sequential ? 0 : Self.clampSteps, meanWeight: meanWeight,
      pairRounds: reconstruction.byLayer == .paired ? Self.pairRounds : 0,
      microBatch: microBatch, runner: bench.runner)
  }

  /// What of all fits those of single layers are.
  private func shareOfLayers(_ images: Int) -> Double {
    let passes = Self.passes(reconstruction, images: images, steps: jointSteps)
    return passes.layers / max(passes.layers + passes.joint, 1)
  }

  /// Networks whose layers are fitted one by one, together.
  private func sequential(
    _ model: PreparedModel, _ forms: [PrunedForm], on bench: Workbench
  ) async throws -> [SequentialReconstruction.Fitted] {
    let fit = layerwise(model, on: bench)
    let samples = try await samples(bytesEach: fit.bytesHeldPerSample, on: bench)
    let count = looks * samples.reduce(0) { $0 + $1.count }
    bench.progress.enter(0...shareOfLayers(count))
    bench.cache.makeRoom(fit.bytes(for: forms.map(\.pruned), samples: count))
    return try await bench.compute {
      try fit.fitted(forms, on: inputs(of: samples))
    }
  }

  /// How often a fit looks at a sample: as it is, and mirrored.
  private var looks: Int { mirrors ? 2 : 1 }

  /// What layers are fitted on: as many samples as there is room for, with their mirror images.
  private func samples(bytesEach: Int, on bench: Workbench) async throws -> [DataShard] {
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

  /// What the network reads of some samples, and of their mirror images where those take part.
  private func inputs(of samples: [DataShard]) -> [[Tensor]] {
    samples.map { mirrors ? $0.tensors.map(\.withMirrorImages) : $0.tensors }
  }

  private func outcome(
    _ model: PreparedModel, sliced: Network, _ recovered: Recovered, on bench: Workbench
  ) async throws -> Outcome<Summary> {
    let cost = recovered.network.cost()
    guard recovered.error.isFinite else {
      throw PipelineError(
        .invalidInput, "the reconstructed network's output is not finite on calibration images")
    }
    var artifacts: [Digest] = []
    for (network, step) in [(sliced, "surgery"), (recovered.network, "reconstruction")] {
      let data = try ONNXModel.encode(
        network, lineage: lineage(model, step: step, recovered.unfitted))
      artifacts.append(try await bench.artifacts.put(data))
    }
    return Outcome(
      Summary(
        macs: cost.macs, parameters: cost.parameters, modelBytes: cost.modelBytes,
        peakActivationBytes: cost.peakActivationBytes,
        batchNormalization: recovered.statistics, reconstruction: recovered.fit,
        outputError: recovered.error, unfitted: recovered.unfitted), artifacts: artifacts)
  }

  /// What the exported file says about where it comes from.
  private func lineage(
    _ model: PreparedModel, step: String, _ unfitted: [String]
  ) throws -> [String: String] {
    let widths = Dictionary(
      uniqueKeysWithValues: zip(model.groups.map(\.name), selection.widths(model.groups)))
    var lineage = [
      "espalier.parent": model.digest.hex,
      "espalier.parent_name": modelName,
      "espalier.step": step,
      "espalier.widths": String(decoding: try CanonicalJSON.encode(widths), as: UTF8.self),
    ]
    if !unfitted.isEmpty { lineage["espalier.unfitted"] = unfitted.joined(separator: " ") }
    return lineage
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

extension Network {
  var hasBatchNormalization: Bool {
    nodes.contains { if case .batchNormalization = $0.operation { true } else { false } }
  }
}
