import Datasets
import Digests
import Execution
import Importance
import NetworkGraph
import ONNXFormat
import Tensors
import TestSupport
import Testing

@testable import Pipeline

@Suite("Scores", .tags(.backend))
struct ScoreTests {
  @Test(
    "tiles add up to nHSIC of the whole kernel matrices", arguments: TapKind.allCases)
  func wholeMatrix(taps: TapKind) async throws {
    // 43 images: the last tile is smaller than the others.
    var sweep = try SmallSweep(images: (43, 20))
    sweep.definition.recipe.taps = taps
    sweep.definition.recipe.plansOnly = true
    let report = try await sweep.run().report
    let names = try sweep.pipeline().taps
    #expect(report.scores.taps == names && report.scores.samples == 43)
    #expect(Set(names).count == names.count && names.count > 1)

    let images = SmallSweep.images(43, seed: 7).tensors[0]
    let values = try PreparedModel(digest: sweep.definition.model.digest, network: sweep.network)
      .values(named: names)
    let plan = try ReferenceBackend().plan(
      sweep.network, options: ExecutionOptions(batch: 43, taps: values))
    let result = try plan.run(images)
    let kernels = try values.map { Self.centredKernel(try #require(result.values[$0])) }
    for (i, a) in kernels.enumerated() {
      let expected = kernels.map { b in
        Self.dot(a, b) / (Self.dot(a, a) * Self.dot(b, b)).squareRoot()
      }
      // Kernels are products of Floats, some 400 features long: 24 bits less the sum's rounding.
      expectClose(report.scores.nhsic[i], expected, tolerance: 1e-5)
    }
  }

  @Test("taps are the group's own activations, the blocks' sums or the BatchNorms' outputs")
  func taps() throws {
    let sweep = try SmallSweep()
    func names(_ kind: TapKind) throws -> [String] {
      var copy = sweep
      copy.definition.recipe.taps = kind
      return try copy.pipeline().taps
    }
    #expect(try names(.blocks) == ["block0.relu", "block1.relu"])
    #expect(
      try names(.batchnorm) == [
        "stem.norm", "block0.inner.norm", "block0.outer.norm", "block1.inner.norm",
        "block1.outer.norm", "block1.shortcut.norm",
      ])
    let groups = try names(.groups)
    #expect(
      groups == ["block0.inner.relu", "block0.relu", "block1.inner.relu", "block1.relu"])
  }

  @Test(
    "activations that are not finite are refused, and the tap is named", arguments: TapKind.allCases
  )
  func notANumber(taps: TapKind) async throws {
    var network = try SmallSweep.residualNetwork()
    // A finite number that makes infinite ones: import refuses a network that holds NaN itself.
    let scale = try #require(network.values.firstIndex { $0.name == "block0.outer.norm.scale" })
    network[ValueID(scale)].constant?.elements[1] = 3e38
    var sweep = try SmallSweep()
    // The labels come from the sound network; the broken one is what is swept.
    let file = try ONNXModel.encode(network)
    sweep.definition.model.digest = sweep.artifacts.put(file)
    sweep.definition.recipe.taps = taps
    let pipeline = try Pipeline(
      sweep.definition, network: try ONNXModel.decode(file, name: "broken"))
    guard case .needs(let jobs) = try pipeline.advance(Results()) else {
      Issue.record("nothing is needed")
      return
    }
    let job = try #require(jobs.first { $0.stage == .scores })
    let error = await #expect(throws: ImportanceError.self) {
      _ = try await Job.run(payload: job.payload, on: sweep.bench())
    }
    #expect(error?.code == .nonFiniteActivations)
    let first = [
      "groups": "block0.relu", "blocks": "block0.relu", "batchnorm": "block0.outer.norm",
    ]
    #expect(error?.message.contains(try #require(first[taps.rawValue])) == true)
  }

  /// H X Xᵀ H, [n, n].
  private static func centredKernel(_ features: Tensor) -> [Double] {
    let n = features.shape[0]
    let width = features.count / n
    var x = features.elements.map(Double.init)
    for column in 0..<width {
      let mean = (0..<n).reduce(0) { $0 + x[$1 * width + column] } / Double(n)
      for row in 0..<n { x[row * width + column] -= mean }
    }
    return (0..<n * n).map { position in
      let (a, b) = (position / n * width, position % n * width)
      return (0..<width).reduce(0) { $0 + x[a + $1] * x[b + $1] }
    }
  }

  private static func dot(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
  }
}
