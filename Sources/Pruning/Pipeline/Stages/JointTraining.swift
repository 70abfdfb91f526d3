import Datasets
import Digests
import Foundation
import NetworkGraph
import ONNXFormat
import Recovery
import Tensors

/// A stretch of the steps that train all layers of a variant together; see ``JointReconstruction``.
///
/// A stretch goes on from what the one before it left in artifacts, so a worker that dies takes one
/// stretch with it, and not hours.
struct JointTraining: JobComputation {
  static let stage = Stage.surgery
  static let kind = "joint-training-3"
  static let scalesWithThreads = true

  struct Summary: Codable, Sendable {
    /// Relative squared change of the outputs on samples held back, before the first step; nil in
    /// later stretches.
    var errorBefore: Double?
    /// The same at the end; nil where no layer can be trained, or steps led to no finite error.
    var error: Double?
  }

  /// The dense network.
  var model: Digest
  /// Where the stretch begins: a variant, after some steps or none.
  var network: Digest
  /// What the stretch before left besides; nil in the first one.
  var momentum: Digest?
  /// The stretch.
  var first: Int
  var end: Int
  /// Of all stretches.
  var steps: Int
  /// Calibration shards that samples are taken from.
  var shards: [Digest]
  /// Those that judge.
  var heldBack: [Digest]
  var mirrors: Bool
  var microBatch: Int

  var isLast: Bool { end == steps }

  /// - Returns: Artifacts: the network at the end and, if others go on, the momentum; none where there
  ///   is no error.
  func compute(on bench: Workbench) async throws -> Outcome<Summary> {
    let model = try await bench.model(model)
    let start = try await bench.network(network)
    let known = try await carried(on: bench)
    guard let (samples, held) = try await samples(for: model, on: bench) else {
      return Outcome(Summary())
    }
    let teacher: TeacherOutputs = bench.cache.known(teacherName) ?? TeacherOutputs()
    let fit = JointReconstruction(
      dense: model.network, steps: steps, microBatch: microBatch, runner: bench.runner,
      samples: samples, teacher: teacher)
    bench.cache.makeRoom(try fit.bytes(for: start) + fit.bytesOfTargets)
    bench.cache.remember(teacher, bytes: fit.bytesOfTargets, for: teacherName)
    let stretch = first..<end
    let (summary, trained, momentum) = try await bench.compute {
      guard try fit.canTrain(start) else { return (Summary(), start, known) }
      let judges = try fit.judges(held)
      var summary = Summary()
      if known == nil { summary.errorBefore = try fit.error(of: start, by: judges).ifFinite }
      var momentum = known ?? fit.momentum(for: summary.errorBefore ?? 0)
      let trained = try fit.trained(start, by: stretch, &momentum, judges)
      summary.error = try fit.error(of: trained, by: judges).ifFinite
      return (summary, trained, momentum)
    }
    guard summary.error != nil, let momentum else { return Outcome(summary) }
    var artifacts = [try await bench.artifacts.put(try ONNXModel.encode(trained))]
    if !isLast { artifacts.append(try await bench.artifacts.put(momentum.encoded())) }
    return Outcome(summary, artifacts: artifacts)
  }

  private func carried(on bench: Workbench) async throws -> JointReconstruction.Momentum? {
    guard let momentum else { return nil }
    return try JointReconstruction.Momentum(
      decoding: try await bench.artifacts.data(for: momentum))
  }

  /// Samples to train on, and those that judge; nil where there are too few.
  private func samples(
    for model: PreparedModel, on bench: Workbench
  ) async throws -> (samples: SampleBlends, held: [[Tensor]])? {
    let source = FitSamples(shards: shards, mirrors: mirrors)
    var images = try await source.loaded(
      bytesEach: model.network.bytesPerSample(of: model.network.inputs), on: bench)
    var judges = try await bench.shards(heldBack)
    // A shard alone serves for both: its last samples judge then, or every step would seem to pay.
    if shards == heldBack, let shard = images.first {
      let rest = shard.count - max(shard.count / 8, 1)
      guard rest > 0 else { return nil }
      (images, judges) = ([shard.shard(0..<rest)], [shard.shard(rest..<shard.count)])
    }
    // Only numbers that mean an amount can be blended.
    let isBlended = model.network.inputs.allSatisfy { model.network[$0].elementType == .float32 }
    return (
      SampleBlends(source.inputs(of: images), isBlended: isBlended), judges.map(\.tensors)
    )
  }

  /// What a bench knows the dense network's outputs by: all that decides which samples are met, and
  /// how they are passed.
  private var teacherName: String {
    let parts = [
      model.hex, shards.map(\.hex).joined(), heldBack.map(\.hex).joined(),
      "\(mirrors) \(steps) \(microBatch)",
    ]
    return "teacher/\(Digest(parts: parts))"
  }
}

extension Double {
  /// As JSON can say it.
  fileprivate var ifFinite: Double? { isFinite ? self : nil }
}
