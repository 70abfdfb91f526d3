import Datasets
import Digests
import Execution
import Foundation
import Importance
import NetworkGraph
import Tensors
import TestSupport
import Testing

@testable import Pipeline

/// Every estimator and kernel, through the whole pipeline, against their definitions.
@Suite("Estimators and kernels", .tags(.backend))
struct ScoreChoiceTests {
  /// 43 images: a smaller last tile. 16: one tile. 9: less than a tile.
  @Test(
    "tiles of images give what the whole kernel matrices give", arguments: [43, 16, 9],
    [
      (HSICEstimator.biased, KernelKind.linear), (.biased, .rbf), (.unbiased, .linear),
      (.unbiased, .rbf),
    ])
  func wholeMatrix(images: Int, choice: (HSICEstimator, KernelKind)) async throws {
    let sweep = try Self.sweep(images, choice.0, choice.1)
    let scores = try await sweep.run().report.scores
    #expect(scores.samples == images && scores.estimator == choice.0 && scores.kernel == choice.1)
    let features = try Self.features(of: sweep, images)
    let kernels = features.map { Self.kernel($0, choice.1, tile: min(images, 16)) }
    let expected = Self.normalised(kernels) { Self.hsic($0, $1, choice.0) }
    // Kernels are products of Floats; the unbiased estimator subtracts most of their sum.
    for (row, values) in scores.nhsic.enumerated() {
      expectClose(values, expected[row], tolerance: choice.0 == .biased ? 1e-5 : 1e-4)
    }
    #expect(scores.bandwidths.isEmpty == (choice.1 == .linear))
  }

  @Test("minibatch asks for diagonal tiles alone, and is the mean of their U-statistics")
  func minibatch() async throws {
    // The last tile has three images, too few for a U-statistic.
    let sweep = try Self.sweep(35, .minibatch, .linear)
    let ending = try await sweep.run()
    #expect(
      ending.jobs(.scores).filter { !$0.isReduction }.map(\.label) == [
        "kernel", "tiles (0, 0)", "tiles (1, 1)", "tiles (2, 2)",
      ])
    let scores = try ending.report.scores
    #expect(scores.samples == 32)
    let tiles = try Self.features(of: sweep, 32).map { whole in
      [0..<16, 16..<32].map { Self.kernel(Array(whole[$0]), .linear, tile: 16) }
    }
    let expected = Self.normalised(tiles) { a, b in
      zip(a, b).reduce(0) { $0 + Self.hsic($1.0, $1.1, .unbiased) }
    }
    for (row, values) in scores.nhsic.enumerated() {
      expectClose(values, expected[row], tolerance: 1e-4)
    }
  }

  @Test("another estimator sums the same tiles anew, another kernel computes others")
  func keys() async throws {
    let plain = try Self.sweep(43, .biased, .linear)
    let known = try await plain.run()
    func news(_ estimator: HSICEstimator, _ kernel: KernelKind) async throws -> [String] {
      var other = plain
      other.definition.recipe.estimator = estimator
      other.definition.recipe.kernel = kernel
      return try await Cluster(bench: other.bench()).drive(
        other.pipeline(), knowing: known.results
      ).jobs.map(\.label)
    }
    #expect(try await news(.unbiased, .linear) == ["nHSIC"])
    #expect(try await news(.minibatch, .linear) == ["nHSIC"])
    #expect(try await news(.biased, .rbf).count == 1 + 6 + 1)
  }

  @Test("fewer images than the estimator needs are refused before anything is done")
  func tooFew() throws {
    let pipelines: [(Int, HSICEstimator)] = [(3, .unbiased), (3, .minibatch), (1, .biased)]
    for (images, estimator) in pipelines {
      let sweep = try Self.sweep(images, estimator, .linear)
      let error = #expect(throws: PipelineError.self) { try sweep.pipeline() }
      #expect(error?.code == .invalidInput && error?.message.contains("\(images) images") == true)
    }
  }

  @Test("a sweep for scores alone ends with them, and a whole one uses them")
  func scoresOnly() async throws {
    let (sweep, whole) = try await SmallSweep.plain
    var alone = sweep
    alone.definition.recipe.scoresOnly = true
    alone.definition.devices = []
    let ending = try await alone.run()
    #expect(Set(ending.jobs.map(\.stage)) == [.scores])
    #expect(try ending.report.variants.isEmpty)
    #expect(try ending.report.scores == whole.report.scores)
    let rest = try await Cluster(bench: sweep.bench()).drive(
      sweep.pipeline(), knowing: ending.results)
    #expect(rest.jobs(.scores).isEmpty)
  }

  @Test("a tap that is zero everywhere is named and left out, and its group still gets widths")
  func deadTap() async throws {
    var network = try SmallSweep.residualNetwork()
    for (name, value) in [("scale", Float(0)), ("shift", -1)] {
      let place = try #require(
        network.values.firstIndex { $0.name == "block0.inner.norm.\(name)" })
      let constant = try #require(network.values[place].constant)
      network[ValueID(place)].constant = Tensor(shape: constant.shape, repeating: value)
    }
    var sweep = try SmallSweep(network: network)
    sweep.definition.recipe.plansOnly = true
    sweep.definition.recipe.utility = .log
    let report = try await sweep.run().report
    #expect(report.scores.faults == [TapFault(tap: "block0.inner.relu", kind: .dead)])
    #expect(report.scores.taps == ["block0.relu", "block1.inner.relu", "block1.relu"])
    #expect(report.variants.allSatisfy { $0.status == .planned })
  }

  @Test("a recipe of an earlier version is read, with defaults for what it did not know")
  func earlierRecipe() throws {
    var recipe = Recipe()
    recipe.tileSize = 32
    recipe.taps = .blocks
    let whole = try CanonicalJSON.encode(recipe)
    var fields = try #require(
      try JSONSerialization.jsonObject(with: whole) as? [String: Any])
    for later in ["estimator", "kernel", "scoresOnly", "metric", "reconstruction"] {
      fields[later] = nil
    }
    let earlier = try JSONSerialization.data(withJSONObject: fields)
    #expect(try CanonicalJSON.decode(Recipe.self, from: earlier) == recipe)
    fields["taps"] = "leaves"
    let wrong = try JSONSerialization.data(withJSONObject: fields)
    #expect(throws: DecodingError.self) { try CanonicalJSON.decode(Recipe.self, from: wrong) }
  }

  @Test("what differs between two definitions is said in words")
  func differences() async throws {
    let sweep = try await SmallSweep.plain.sweep.definition
    #expect(sweep.differences(from: sweep).isEmpty)
    var other = try SmallSweep(images: (48, 40), seed: 8).definition
    other.name = "another"
    let said = other.differences(from: sweep)
    #expect(said.count == 2)
    #expect(said[0].contains("calibration") && said[0].contains(sweep.calibration.digest.short))
    #expect(said[1].contains("evaluation"))
    other = sweep
    other.recipe.beta = 3
    #expect(other.differences(from: sweep) == ["the recipe's options"])
  }

  // MARK: Definitions, in double

  private static func sweep(
    _ images: Int, _ estimator: HSICEstimator, _ kernel: KernelKind
  ) throws -> SmallSweep {
    var sweep = try SmallSweep(images: (images, 20))
    sweep.definition.recipe.estimator = estimator
    sweep.definition.recipe.kernel = kernel
    sweep.definition.recipe.scoresOnly = true
    return sweep
  }

  /// By tap and image.
  private static func features(of sweep: SmallSweep, _ images: Int) throws -> [[[Double]]] {
    let count = sweep.definition.calibration.count
    let values = try PreparedModel(digest: sweep.definition.model.digest, network: sweep.network)
      .values(named: sweep.pipeline().taps)
    let plan = try ReferenceBackend().plan(
      sweep.network, options: ExecutionOptions(batch: count, taps: values))
    let result = try plan.run(SmallSweep.images(count, seed: 7).tensors)
    return try values.map { value in
      let tensor = try #require(result.values[value])
      let width = tensor.count / count
      return (0..<images).map { image in
        tensor.elements[image * width..<(image + 1) * width].map(Double.init)
      }
    }
  }

  /// - Parameter tile: Images that the bandwidth is measured on.
  private static func kernel(_ x: [[Double]], _ kind: KernelKind, tile: Int) -> [[Double]] {
    func distance(_ a: [Double], _ b: [Double]) -> Double {
      zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }
    guard kind == .rbf else {
      return x.map { a in x.map { b in zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } } }
    }
    let sorted = (0..<tile).flatMap { i in (0..<i).map { distance(x[i], x[$0]) } }.sorted()
    let median = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    return x.map { a in x.map { b in exp(-distance(a, b) / (2 * median)) } }
  }

  private static func hsic(_ k: [[Double]], _ l: [[Double]], _ estimator: HSICEstimator) -> Double {
    let n = Double(k.count)
    guard estimator == .biased else { return unbiased(k, l) }
    func centred(_ k: [[Double]]) -> [[Double]] {
      let means = k.map { $0.reduce(0, +) / n }
      let mean = means.reduce(0, +) / n
      return k.indices.map { i in k.indices.map { k[i][$0] - means[i] - means[$0] + mean } }
    }
    return zip(centred(k), centred(l)).reduce(0) { sum, rows in
      sum + zip(rows.0, rows.1).reduce(0) { $0 + $1.0 * $1.1 }
    } / ((n - 1) * (n - 1))
  }

  /// Song et al., JMLR 2012, equation 5.
  private static func unbiased(_ k: [[Double]], _ l: [[Double]]) -> Double {
    let n = Double(k.count)
    let rows = k.indices.map { i in
      (
        k[i].reduce(0, +) - k[i][i], l[i].reduce(0, +) - l[i][i],
        k.indices.reduce(0) { $0 + ($1 == i ? 0 : k[i][$1] * l[i][$1]) }
      )
    }
    let trace = rows.reduce(0) { $0 + $1.2 }
    let sums = rows.reduce(0) { $0 + $1.0 } * rows.reduce(0) { $0 + $1.1 }
    let mixed = rows.reduce(0) { $0 + $1.0 * $1.1 }
    return (trace + sums / ((n - 1) * (n - 2)) - 2 * mixed / (n - 2)) / (n * (n - 3))
  }

  private static func normalised<Kernel>(
    _ kernels: [Kernel], _ hsic: (Kernel, Kernel) -> Double
  ) -> [[Double]] {
    let own = kernels.map { hsic($0, $0) }
    return kernels.indices.map { i in
      kernels.indices.map { j in
        hsic(kernels[i], kernels[j]) / (own[i] * own[j]).squareRoot()
      }
    }
  }
}
