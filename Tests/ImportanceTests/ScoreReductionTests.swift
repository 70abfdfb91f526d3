import Digests
import Foundation
import Importance
import LinearAlgebra
import Tensors
import TestSupport
import Testing

@Suite("Importance scores", .tags(.pure)) struct ScoreReductionTests {
  private let features = TestFeatures(samples: 30, seed: 3, integers: false)

  private func normalizedHSIC(_ features: TestFeatures) throws -> [Double] {
    try features.dependence(tileSize: 8, estimator: .biased).normalizedHSIC.elements
  }

  @Test("pairs come in the order of (s, t)")
  func order() {
    let layout = TileLayout(samples: 25, tileSize: 10)
    #expect(layout.tiles == 3)
    #expect(layout.range(of: 2) == 20..<25)
    #expect(
      layout.pairs.map(\.description) == [
        "(0, 0)", "(0, 1)", "(0, 2)", "(1, 1)", "(1, 2)", "(2, 2)",
      ])
  }

  @Test("nHSIC does not change when features are scaled, shifted or rotated")
  func invariances() throws {
    let original = try normalizedHSIC(features)
    var changed = features
    changed.tensors[0].elements = changed.tensors[0].elements.map { $0 * 3 + 0.5 }
    let (cosine, sine) = (cosf(0.7), sinf(0.7))
    for sample in 0..<30 {
      let (a, b) = (sample * 7, sample * 7 + 1)
      let (x, y) = (changed.tensors[2].elements[a], changed.tensors[2].elements[b])
      changed.tensors[2].elements[a] = cosine * x - sine * y
      changed.tensors[2].elements[b] = sine * x + cosine * y
    }
    // Single-precision kernels of a few dozen features.
    expectClose(try normalizedHSIC(changed), original, tolerance: 1e-5)
  }

  @Test("nHSIC is symmetric, in 0…1, and 1 on the diagonal and between equal taps")
  func range() throws {
    var same = features
    same.tensors[1] = same.tensors[0]
    let dependence = try same.dependence(tileSize: 8, estimator: .biased)
    let matrix = dependence.normalizedHSIC
    #expect(abs(matrix[0, 1] - 1) < 1e-12)
    #expect(matrix.diagonal == [1, 1, 1])
    #expect(matrix == matrix.transposed)
    #expect(matrix.elements.allSatisfy { $0 >= 0 && $0 <= 1 + 1e-12 })
  }

  @Test(
    "nHSIC is symmetric to the last bit with a diagonal of ones", arguments: HSICEstimator.allCases,
    KernelKind.allCases)
  func symmetry(estimator: HSICEstimator, kernel: KernelKind) throws {
    let dependence = try features.dependence(tileSize: 8, estimator: estimator, kernel: kernel)
    #expect(dependence.values == dependence.values.transposed)
    #expect(dependence.normalizedHSIC == dependence.normalizedHSIC.transposed)
    #expect(dependence.normalizedHSIC.diagonal == [1, 1, 1])
    // A sum of products in another order would do for a tolerance; equal taps need the same bits.
    var same = features
    same.tensors[2] = same.tensors[0]
    let matrix = try same.dependence(tileSize: 8, estimator: estimator, kernel: kernel).values
    #expect(matrix[0, 1] == matrix[2, 1] && matrix[0, 2] == matrix[0, 0])
  }

  @Test(
    "the order of images changes the last bits only", arguments: [HSICEstimator.biased, .unbiased],
    KernelKind.allCases)
  func permutation(estimator: HSICEstimator, kernel: KernelKind) throws {
    // The same centre and bandwidth, as if tile 0 had been the same images.
    let reference = try features.reference(kernel, tileSize: 30)
    var generator = SeededGenerator(seed: 9)
    let order = Array(0..<30).shuffled(using: &generator)
    var shuffled = features
    shuffled.tensors = features.tensors.map { $0.gathering(order, axis: 0) }
    let (a, b) = (
      try features.dependence(tileSize: 8, estimator: estimator, reference: reference),
      try shuffled.dependence(tileSize: 8, estimator: estimator, reference: reference)
    )
    // Kernels are the same bits; sums in double of 900 of them are added in another order.
    expectClose(b.normalizedHSIC.elements, a.normalizedHSIC.elements, tolerance: 1e-12)
  }

  @Test("taps that do not vary are named, or left out", arguments: [Float(0), 2.7])
  func degenerate(value: Float) throws {
    var dead = features
    dead.tensors[1] = Tensor(shape: dead.tensors[1].shape, repeating: value)
    for estimator in HSICEstimator.allCases {
      for kernel in KernelKind.allCases {
        let reference = try dead.reference(kernel, tileSize: 8)
        let reduction = try dead.reduction(
          tileSize: 8, estimator: estimator, reference: reference)
        let error = #expect(throws: ImportanceError.self) { try reduction.dependence() }
        #expect(error?.code == .degenerateFeatures)
        let fault = TapFault(tap: "block", kind: value == 0 ? .dead : .constant)
        #expect(error?.faults == [fault])
        #expect(error?.message.contains("block") == true)

        let rest = try reduction.dependence(leavingOutFaults: true)
        #expect(rest.taps == ["stem", "head"] && rest.faults == [fault])
        let whole = try features.dependence(
          tileSize: 8, estimator: estimator,
          reference: try features.reference(kernel, tileSize: 8))
        #expect(rest.values == whole.values.principalSubmatrix([0, 2]))
      }
    }
  }

  @Test("a tap that is zero in some tiles only is sound")
  func partlyZero() throws {
    var partly = features
    for index in 0..<160 { partly.tensors[1].elements[index] = 0 }
    #expect(throws: Never.self) {
      try partly.dependence(tileSize: 8, estimator: .biased, kernel: .linear)
    }
  }

  @Test("results in every order give the same bits, each counted once")
  func everyOrder() throws {
    let layout = TileLayout(samples: 30, tileSize: 13)
    let results = try layout.pairs.map { try features.statistics($0, tileSize: 13) }
    #expect(results.count == 6)
    var expected: (values: Matrix, ledger: [ScoreReduction.Entry])?
    // All 720 orders, a result that was counted coming again at a different place in each.
    for (number, order) in permutations(of: Array(results.indices)).enumerated() {
      var reduction = ScoreReduction(layout: layout, taps: features.taps)
      for (turn, index) in order.enumerated() {
        #expect(!reduction.isComplete)
        #expect(try reduction.add(results[index]))
        if turn == number % order.count {
          #expect(try !reduction.add(results[order[number % (turn + 1)]]))
        }
      }
      let values = try reduction.dependence().values
      let known = expected ?? (values, reduction.ledger)
      #expect(values == known.values && reduction.ledger == known.ledger)
      expected = known
    }
    #expect(expected?.ledger.map(\.pair) == layout.pairs)
    #expect(expected?.ledger.map(\.digest) == results.map { Digest(of: $0.encoded()) })
  }

  private func permutations(of elements: [Int]) -> [[Int]] {
    guard !elements.isEmpty else { return [[]] }
    return elements.indices.flatMap { index -> [[Int]] in
      var rest = elements
      let first = rest.remove(at: index)
      return permutations(of: rest).map { [first] + $0 }
    }
  }

  @Test("a pair that comes again with other bits is refused, before and after its turn")
  func conflict() throws {
    var other = features
    other.tensors[0].elements[0] += 1
    for pair in [TilePair(first: 0, second: 0), TilePair(first: 0, second: 1)] {
      var reduction = ScoreReduction(
        layout: TileLayout(samples: 30, tileSize: 10), taps: features.taps)
      try reduction.add(try features.statistics(pair, tileSize: 10))
      let error = #expect(throws: ImportanceError.self) {
        try reduction.add(try other.statistics(pair, tileSize: 10))
      }
      #expect(error?.code == .conflict)
    }
  }

  @Test("too few images for an estimator are refused")
  func few() throws {
    let few = TestFeatures(samples: 3, seed: 3)
    for estimator in [HSICEstimator.unbiased, .minibatch] {
      let reduction = try few.reduction(tileSize: 2, estimator: estimator)
      let error = #expect(throws: ImportanceError.self) { try reduction.dependence() }
      #expect(error?.code == .tooFewSamples)
    }
  }

  @Test("statistics of other taps are refused")
  func foreign() throws {
    var reduction = ScoreReduction(
      layout: TileLayout(samples: 30, tileSize: 10), taps: ["a", "b", "c"])
    let statistics = try features.statistics(TilePair(first: 0, second: 0), tileSize: 10)
    #expect(throws: ImportanceError.self) { try reduction.add(statistics) }
    var others = ScoreReduction(
      layout: TileLayout(samples: 30, tileSize: 10), taps: features.taps, estimator: .minibatch)
    let pair = try features.statistics(TilePair(first: 0, second: 1), tileSize: 10)
    let error = #expect(throws: ImportanceError.self) { try others.add(pair) }
    #expect(error?.code == .shapeMismatch)
  }

  @Test("importance falls with redundancy, with mean 1 or as published")
  func importance() throws {
    let dependence = try features.dependence(tileSize: 8, estimator: .biased)
    let scores = ImportanceScores(dependence, scale: .normalised(beta: 2))
    let published = ImportanceScores(dependence, scale: .published(beta: 2))
    let sums = (0..<3).map { i in
      (0..<3).reduce(0) { i == $1 ? $0 : $0 + scores.nhsic[i][$1] }
    }
    let shares = sums.map { $0 / sums.reduce(0, +) }
    expectClose(scores.redundancy, shares.map { 3 * $0 }, tolerance: 1e-14)
    expectClose(published.importance, shares.map { exp(-2 * $0) }, tolerance: 1e-14)
    let raw = shares.map { exp(-2 * (3 * $0 - 1)) }
    expectClose(
      scores.importance, raw.map { $0 * 3 / raw.reduce(0, +) }, tolerance: 1e-14)
    #expect(scores.digest == published.digest)
    var bytes = Data()
    for value in scores.nhsic.flatMap(\.self) {
      withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
    }
    #expect(scores.digest == Digest(of: bytes))
    let decoded = try JSONDecoder().decode(
      ImportanceScores.self, from: try JSONEncoder().encode(scores))
    #expect(decoded == scores)
  }

  private struct Golden: Decodable {
    var samples: Int
    var features: [[Float]]
    var biased: [Double]
    var unbiased: [Double]
    var nhsic: [Double]
    var redundancy: [Double]
    var importance: [Double]
  }

  @Test("scores agree with NumPy")
  func golden() throws {
    let golden = try JSONDecoder().decode(
      Golden.self,
      from: try Data(contentsOf: Fixtures.url("hsic.json", module: "Importance")))
    var features = TestFeatures(samples: golden.samples, seed: 0)
    features.tensors = golden.features.map {
      Tensor(shape: [golden.samples, $0.count / golden.samples], elements: $0)
    }
    let biased = try features.dependence(tileSize: 5, estimator: .biased)
    let unbiased = try features.dependence(tileSize: 5, estimator: .unbiased)
    let scores = ImportanceScores(biased)
    // Kernels are single precision here, double there; entries reach 1000.
    expectClose(biased.values.elements, golden.biased, tolerance: 1e-4)
    expectClose(unbiased.values.elements, golden.unbiased, tolerance: 1e-4)
    expectClose(scores.nhsic.flatMap(\.self), golden.nhsic, tolerance: 1e-6)
    expectClose(scores.redundancy, golden.redundancy, tolerance: 1e-6)
    expectClose(scores.importance, golden.importance, tolerance: 1e-6)
  }
}
