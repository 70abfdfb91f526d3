import Datasets
import Devices
import Digests
import NetworkGraph
import NetworkTestSupport
import Quantities
import Tensors
import TestSupport
import Testing

@testable import Pipeline

@Suite("Sweeps that go wrong", .tags(.backend))
struct FailureTests {
  @Test(
    "a device whose job is given up fails alone", arguments: [Stage.surgery, .evaluation])
  func deviceFails(stage: Stage) async throws {
    let sweep = try SmallSweep()
    let cluster = Cluster(bench: sweep.bench()) { job in
      job.stage == stage && job.label.hasPrefix("phone")
    }
    let report = try await cluster.drive(sweep.pipeline()).report
    #expect(report.variants.map(\.status) == [.ready, .failed, .ready])
    #expect(report.variants[1].reason == Cluster.reason.message)
    #expect(try await SmallSweep.plain.ending.report.variants[0] == report.variants[0])
  }

  @Test("devices whose batch is given up fail together, and no others")
  func batchFails() async throws {
    let sweep = try SmallSweep(
      devices: (0..<40).map {
        SmallSweep.device("device\($0)", [.macs: 0.4 + 0.01 * Double($0)])
      })
    let batches = try DeviceProfile.batches(sweep.definition.devices)
    try #require(batches.count > 1)
    let lost = Set(batches[0])
    let first = sweep.definition.devices[batches[0][0]].name
    var planned = sweep
    planned.definition.recipe.plansOnly = true
    let cluster = Cluster(bench: sweep.bench()) { job in
      job.stage == .allocation && job.label.split(separator: " ").first.map(String.init) == first
    }
    let report = try await cluster.drive(planned.pipeline()).report
    for (place, variant) in report.variants.enumerated() {
      #expect(variant.status == (lost.contains(place) ? .failed : .planned))
      #expect(variant.reason == (lost.contains(place) ? Cluster.reason.message : nil))
    }
  }

  @Test(
    "a job that all devices need fails the sweep with its reason",
    arguments: ["tiles (0, 1)", "nHSIC", "shard 1", "sum of Grams", "block0.inner.conv", "tables"])
  func sharedFails(label: String) async throws {
    let sweep = try SmallSweep()
    let cluster = Cluster(bench: sweep.bench()) { $0.label == label }
    let ending = try await cluster.drive(sweep.pipeline())
    guard case .failed(let reason) = ending.step else {
      Issue.record("the sweep went on without \(label): \(ending.step)")
      return
    }
    #expect(reason == Cluster.reason)
  }

  @Test("without the dense network's accuracy no variant is ready")
  func baselineFails() async throws {
    let sweep = try SmallSweep()
    let cluster = Cluster(bench: sweep.bench()) { $0.label.hasPrefix("dense") }
    let report = try await cluster.drive(sweep.pipeline()).report
    #expect(report.baseline == nil)
    #expect(report.variants.allSatisfy { $0.status == .failed && $0.reason != nil })
  }

  @Test("a device that nothing fits says which budget and how low it can go")
  func infeasible() async throws {
    let sweep = try SmallSweep(devices: [
      SmallSweep.device("phone", [.macs: 0.5]),
      SmallSweep.device("mote", [.macs: 0.9, .parameters: 0.01], keep: 0.5),
    ])
    let ending = try await sweep.run()
    let report = try ending.report
    #expect(report.variants.map(\.status) == [.ready, .infeasible])
    let mote = report.variants[1]
    #expect(mote.reason?.contains("parameters cannot go below") == true)
    #expect(mote.digest == nil && mote.widths == nil && mote.macs == nil)
    #expect(ending.jobs(.surgery).count == 1)
  }

  @Test("images of another shape are refused before anything is computed")
  func wrongShape() throws {
    for isEvaluation in [false, true] {
      var sweep = try SmallSweep()
      if isEvaluation {
        sweep.definition.evaluation?.inputs[0].shape = [1, 28, 28]
      } else {
        sweep.definition.calibration.inputs[0].shape = [1, 28, 28]
      }
      let error = #expect(throws: PipelineError.self) { _ = try sweep.pipeline() }
      #expect(error?.code == .invalidInput)
      #expect(error?.message.contains("[1, 28, 28]") == true)
      #expect(error?.message.contains("[3, 8, 8]") == true)
    }
  }

  @Test("a network without a prunable group is refused as such")
  func nothingToPrune() throws {
    var builder = NetworkBuilder("rigid", input: SmallSweep.shape)
    let flat = try builder.flatten(builder.input)
    let logits = try builder.gemm(flat, outputs: 4, name: "fc")
    let sweep = try SmallSweep(network: builder.finished(logits))
    let error = #expect(throws: PipelineError.self) { _ = try sweep.pipeline() }
    #expect(error?.code == .invalidInput)
    #expect(error?.message.contains("no channel group that can be pruned") == true)
  }

  @Test(
    "a utility of nHSIC needs taps that cover every group", arguments: [TapKind.blocks, .batchnorm])
  func uncovered(taps: TapKind) throws {
    var sweep = try SmallSweep()
    sweep.definition.recipe.taps = taps
    sweep.definition.recipe.utility = .log
    let error = #expect(throws: PipelineError.self) { _ = try sweep.pipeline() }
    #expect(error?.code == .invalidInput)
    #expect(error?.message.contains("--taps groups") == true)
  }

  @Test("an evaluation set without labels, or with labels outside the classes, is refused")
  func labels() async throws {
    let sweep = try SmallSweep()
    for labels in [nil, [0, 1, 2, 4]] as [[Int]?] {
      let images = SmallSweep.images(4, seed: 1)
      let shard = sweep.artifacts.put(
        DataShard(inputs: images.inputs, labels: labels).encoded())
      let job = try Job(
        ShardEvaluation(
          model: sweep.definition.model.digest, dense: nil, shard: shard, metric: .accuracy,
          microBatch: 4), label: "", weight: 0)
      let error = await #expect(throws: PipelineError.self) {
        _ = try await Job.run(payload: job.payload, on: sweep.bench())
      }
      #expect(error?.code == .invalidInput && error?.message.contains("label") == true)
    }
  }
}
