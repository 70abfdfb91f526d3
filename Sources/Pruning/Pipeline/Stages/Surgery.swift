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
  static let kind = "plan-surgery-22"
  static let scalesWithThreads = true

  struct Summary: Codable, Sendable {
    var macs: MACs
    var parameters: ParameterCount
    var modelBytes: Bytes
    var peakActivationBytes: Bytes
    /// How BatchNorm statistics were chosen: `dense`, or `calibration` where that is nearer to the
    /// dense network on images held back for the choice.
    var batchNormalization: String
    /// `single`, `sequential`, `rectified` or `paired`, whichever was nearest to the dense network on
    /// the same images; `dense` where nothing was cut. (Of a variant that was trained as a whole
    /// afterwards, `joint`.)
    var reconstruction: String
    /// Relative squared change of the outputs on the images held back.
    var outputError: Double
    /// Layers whose fit was not finite: they have the weights of the single pass.
    var unfitted: [String]

    /// Whether a further fit may find something to repair.
    var isOpen: Bool { !PlanSurgery.isClosed(outputError) }
  }

  /// Whether an error leaves nothing to repair.
  static func isClosed(_ error: Double) -> Bool { error <= negligibleError }

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
  /// Layer by layer: what is done to all layers together is ``JointTraining``'s.
  var reconstruction: ReconstructionKind
  var sequentialDamping: Double
  var meanWeight: Int
  var mirrors: Bool
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

  /// How many passes of the dense network surgery takes as long as, about, as measured.
  static func passes(_ reconstruction: ReconstructionKind, images: Int) -> Double {
    let perImage: Double =
      switch reconstruction {
      case .single: 1
      case .sequential, .rectified: 3
      case .paired, .joint: 5
      }
    return perImage * Double(images)
  }

  /// Plans that fit layers one by one to the same dense network on the same samples.
  var pass: Digest? {
    var common = self
    common.selection = ChannelSelection()
    guard reconstruction != .single, let fields = try? CanonicalJSON.encode(common) else {
      return nil
    }
    return Digest(of: fields)
  }

  static func companions(among plans: [Self], on bench: Workbench) async throws -> Int {
    let first = plans[0]
    let model = try await bench.model(first.model)
    let fit = first.layerwise(model, on: bench)
    let samples = try await first.samples.loaded(bytesEach: fit.bytesHeldPerSample, on: bench)
      .reduce(0) { $0 + $1.count }
    return try await bench.compute {
      let forms = try plans.prefix(Self.greatestCompany).map { plan in
        try model.network.pruned(plan.selection, groups: model.groups)
      }
      let fitting = (1...forms.count).last { count in
        // The rest is for the model, its plans and the samples.
        fit.bytes(for: forms.prefix(count), samples: first.samples.looks * samples)
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
    var isOpen: Bool { !PlanSurgery.isClosed(single.error) }
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
    return try await outcome(model, sliced: draft.form.pruned, nearest, on: bench)
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

  private var samples: FitSamples { FitSamples(shards: shards, mirrors: mirrors) }

  /// Networks whose layers are fitted one by one, together.
  private func sequential(
    _ model: PreparedModel, _ forms: [PrunedForm], on bench: Workbench
  ) async throws -> [SequentialReconstruction.Fitted] {
    let fit = layerwise(model, on: bench)
    let samples = samples
    let loaded = try await samples.loaded(bytesEach: fit.bytesHeldPerSample, on: bench)
    let count = samples.looks * loaded.reduce(0) { $0 + $1.count }
    bench.cache.makeRoom(fit.bytes(for: forms.map(\.pruned), samples: count))
    return try await bench.compute { try fit.fitted(forms, on: samples.inputs(of: loaded)) }
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

extension Network {
  var hasBatchNormalization: Bool {
    nodes.contains { if case .batchNormalization = $0.operation { true } else { false } }
  }
}
