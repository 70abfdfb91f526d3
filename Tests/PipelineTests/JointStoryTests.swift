import Datasets
import Devices
import Digests
import Foundation
import LinearAlgebra
import NetworkGraph
import OneDNNBackend
import Recovery
import Tensors
import TestSupport
import Testing

@testable import Pipeline

/// A sweep whose variants are trained as a whole, stretch by stretch.
@Suite("Stretches of joint training", .tags(.backend))
struct JointStoryTests {
  private static let steps = 20

  /// With one device, and its ending.
  private static func joint(
    images: Int = 48
  ) async throws -> (sweep: SmallSweep, ending: Ending) {
    var sweep = try SmallSweep(
      devices: [SmallSweep.device("phone", [.macs: 0.5])], images: (images, 40))
    sweep.definition.recipe.reconstruction = .joint
    sweep.definition.recipe.jointSteps = steps
    return (sweep, try await sweep.run())
  }

  private static func surgery(of ending: Ending) throws -> JobOutput {
    let job = try #require(ending.jobs(.surgery).first)
    return try #require(ending.results.outputs[job.key])
  }

  private static func training(of ending: Ending) -> [Job] {
    Array(ending.jobs(.surgery).dropFirst())
  }

  @Test("stretches through artifacts lead to the same network as all steps at once")
  func chain() async throws {
    let (sweep, ending) = try await Self.joint()
    let stretches = JointReconstruction.stretches(of: Self.steps)
    let jobs = Self.training(of: ending)
    #expect(jobs.map(\.label).first == "phone, steps 1 to 2" && jobs.count == stretches.count)

    let calibration = sweep.definition.calibration.shards
    func tensors(_ shard: Digest) throws -> [Tensor] {
      try DataShard(decoding: sweep.artifacts.data(for: shard)).tensors
    }
    let split = try sweep.pipeline().split
    let fit = JointReconstruction(
      dense: sweep.network, steps: Self.steps, microBatch: sweep.definition.recipe.microBatch,
      runner: NetworkRunner(backend: OneDNNBackend(), threads: 2),
      samples: SampleBlends(try calibration[split.fitted].map(tensors), isBlended: true),
      teacher: TeacherOutputs())
    let judges = try fit.judges(try calibration[split.heldBack].map(tensors))
    var network = try sweep.decoded(try Self.surgery(of: ending).artifacts[1])
    var momentum = fit.momentum(for: try fit.error(of: network, by: judges))
    var errors: [Double] = []
    for (job, stretch) in zip(jobs, stretches) {
      network = try fit.trained(network, by: stretch, &momentum, judges)
      let output = try #require(ending.results.outputs[job.key])
      #expect(try sweep.decoded(output.artifacts[0]) == network)
      #expect(try sweep.artifacts.data(for: output.artifacts[1]) == momentum.encoded())
      errors.append(try fit.error(of: network, by: judges))
    }
    let variant = try #require(try ending.report.variants.first)
    #expect(variant.reconstruction == "joint")
    let best = try #require(errors.indices.min { errors[$0] < errors[$1] })
    #expect(variant.digest == ending.results.outputs[jobs[best].key]?.artifacts[0])
    #expect(variant.candidates.first?.outputError == errors[best])
    let exported = try sweep.decoded(try #require(variant.digest))
    #expect(exported.metadata.properties["espalier.parent"] == sweep.definition.model.digest.hex)
  }

  @Test("training begins where a sweep without it ended: nothing is cut or fitted again")
  func reuse() async throws {
    let (joint, ending) = try await Self.joint()
    var paired = joint
    paired.definition.recipe.reconstruction = .paired
    let known = try await paired.run()
    let news = try await Cluster(bench: joint.bench()).drive(
      joint.pipeline(), knowing: known.results)
    #expect(Set(news.jobs.map(\.stage)) == [.surgery, .evaluation])
    #expect(news.jobs(.surgery).map(\.key) == Self.training(of: ending).map(\.key))
  }

  @Test("a start that no step betters is kept, and so is what came before a step into nothing")
  func kept() async throws {
    let (sweep, ending) = try await Self.joint()
    let surgery = try Self.surgery(of: ending)
    let jobs = Self.training(of: ending)
    /// The report of the same sweep, had stretches gone otherwise.
    func report(
      _ change: (Int, inout JointTraining.Summary) -> Void
    ) throws -> VariantReport? {
      var results = ending.results
      for (place, job) in jobs.enumerated() {
        guard var output = results.outputs[job.key] else { continue }
        var summary = try CanonicalJSON.decode(JointTraining.Summary.self, from: output.summary)
        change(place, &summary)
        if summary.error == nil { output.artifacts = [] }
        output.summary = try CanonicalJSON.encode(summary)
        results.outputs[job.key] = output
      }
      // What is evaluated then is another network, whose counts nobody has: any will do.
      let counts = try #require(
        ending.jobs(.evaluation).last.flatMap { results.outputs[$0.key] })
      var walk = Walk()
      let pipeline = try sweep.pipeline()
      if case .needs(let jobs) = try pipeline.advance(results, from: &walk) {
        #expect(jobs.allSatisfy { $0.stage == .evaluation })
        for job in jobs { results.outputs[job.key] = counts }
      }
      guard case .finished(let report) = try pipeline.advance(results, from: &walk) else {
        return nil
      }
      return report.variants.first
    }
    let none = try #require(try report { $1.error = 9 })
    #expect(none.reconstruction == "paired" && none.digest == surgery.artifacts[1])
    let second = try #require(
      try report { place, summary in
        summary.error = place == 1 ? 1e-9 : place > 2 ? nil : 1e-8
      })
    #expect(second.reconstruction == "joint" && second.candidates.first?.outputError == 1e-9)
    #expect(second.digest == ending.results.outputs[jobs[1].key]?.artifacts[0])
  }

  @Test("a single shard serves for steps and for their judgement, in two parts")
  func oneShard() async throws {
    let (sweep, ending) = try await Self.joint(images: 16)
    #expect(sweep.definition.calibration.shards.count == 1)
    #expect(Self.training(of: ending).count == 8)
    #expect(try ending.report.variants.first?.status == .ready)
  }

  @Test("artifacts that are none of a stretch are refused")
  func validated() async throws {
    let (sweep, ending) = try await Self.joint()
    let job = try #require(Self.training(of: ending).first)
    let output = try #require(ending.results.outputs[job.key])
    let request = try JobRequest(payload: job.payload)
    _ = try await request.validated(output, on: sweep.bench())
    for artifacts in [[], [output.artifacts[0]], Array(output.artifacts.reversed())] {
      let wrong = JobOutput(summary: output.summary, artifacts: artifacts)
      let error = await #expect(throws: PipelineError.self) {
        _ = try await request.validated(wrong, on: sweep.bench())
      }
      #expect(error?.code == .wrongResult)
    }
  }
}
