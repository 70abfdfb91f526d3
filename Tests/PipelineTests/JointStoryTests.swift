import Datasets
import Devices
import Digests
import Foundation
import LinearAlgebra
import NetworkGraph
import NetworkTestSupport
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

  @Test("stretches through artifacts lead where the same stretches do in memory")
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
      // Nobody goes on from the last.
      #expect(output.artifacts.count == (job == jobs.last ? 1 : 2))
      if job != jobs.last {
        #expect(try sweep.artifacts.data(for: output.artifacts[1]) == momentum.encoded())
      }
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
    let (sweep, _) = try await Self.joint(images: 16)
    #expect(sweep.definition.calibration.shards.count == 1)
    var several = sweep
    several.definition.recipe.candidates = 2
    let ending = try await several.run()
    let variant = try #require(try ending.report.variants.first)
    #expect(variant.status == .ready && variant.candidates.count == 2)
    // All plans by the same images: those that no step was made from.
    let firsts = Self.training(of: ending).filter { $0.label.hasSuffix("steps 1 to 2") }
    #expect(firsts.count == 2)
    for (job, candidate) in zip(firsts, variant.candidates) {
      let output = try #require(ending.results.outputs[job.key])
      let summary = try CanonicalJSON.decode(JointTraining.Summary.self, from: output.summary)
      let (before, after) = (try #require(summary.errorBefore), candidate.outputError)
      #expect(try #require(after) <= before)
    }
  }

  @Test("mirror images, and fewer steps than stretches")
  func others() async throws {
    var (sweep, _) = try await Self.joint()
    sweep.definition.recipe.mirrors = true
    sweep.definition.recipe.jointSteps = 3
    let ending = try await sweep.run()
    #expect(
      ending.jobs(.surgery).map(\.label).suffix(3)
        == [1, 2, 3].map {
          "phone, steps \($0) to \($0)"
        })
    #expect(try ending.report.variants.first?.status == .ready)
    sweep.definition.recipe.jointSteps = 0
    #expect(throws: PipelineError.self) { try sweep.pipeline() }
  }

  @Test("a network whose end has no derivative keeps what its layers were fitted to")
  func noDerivative() async throws {
    var net = NetworkBuilder("net", input: SmallSweep.shape)
    let first = try net.relu(net.convolution(net.input, outputs: 8, name: "first"), name: "relu")
    let second = try net.relu(net.convolution(first, outputs: 8, name: "second"), name: "relu2")
    let classes = try net.gemm(net.flatten(net.globalAverage(second)), outputs: 4, name: "fc")
    let end = try net.apply(.softmax(Softmax(axis: 1)), to: [classes], name: "softmax")
    var sweep = try SmallSweep(
      network: net.finished(end), devices: [SmallSweep.device("phone", [.macs: 0.5])])
    sweep.definition.recipe.reconstruction = .joint
    let ending = try await sweep.run()
    let job = try #require(Self.training(of: ending).first)
    let output = try #require(ending.results.outputs[job.key])
    #expect(Self.training(of: ending).count == 1 && output.artifacts.isEmpty)
    let request = try JobRequest(payload: job.payload)
    #expect(try await request.validated(output, on: sweep.bench()) == output)
    let variant = try #require(try ending.report.variants.first)
    #expect(variant.status == .ready && variant.reconstruction != "joint")
    #expect(variant.digest == (try Self.surgery(of: ending).artifacts[1]))
  }

  @Test("a stretch is the same on a bench that knows nothing, has threads, or no room")
  func benches() async throws {
    let (sweep, ending) = try await Self.joint()
    for job in Self.training(of: ending).suffix(2) {
      let request = try JobRequest(payload: job.payload)
      for bench in [sweep.bench(), sweep.bench(threads: 3), sweep.bench(cacheBytes: 1)] {
        let output = await JobRequest.run([request], on: bench)
        #expect(try output[0].get() == ending.results.outputs[job.key])
      }
    }
  }

  @Test("artifacts that are none of a stretch are refused")
  func validated() async throws {
    let (sweep, ending) = try await Self.joint()
    let job = try #require(Self.training(of: ending).first)
    let output = try #require(ending.results.outputs[job.key])
    let request = try JobRequest(payload: job.payload)
    _ = try await request.validated(output, on: sweep.bench())
    // Another network, and one that is too many.
    let dense = sweep.definition.model.digest
    for artifacts in [
      [], [output.artifacts[0]], Array(output.artifacts.reversed()),
      [dense, output.artifacts[1]], output.artifacts + [dense],
    ] {
      let wrong = JobOutput(summary: output.summary, artifacts: artifacts)
      let error = await #expect(throws: PipelineError.self) {
        _ = try await request.validated(wrong, on: sweep.bench())
      }
      #expect(error?.code == .wrongResult)
    }
  }
}
