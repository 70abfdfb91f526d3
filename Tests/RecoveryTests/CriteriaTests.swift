import Foundation
import LinearAlgebra
import Recovery
import Solvers
import Tensors
import TestSupport
import Testing

@Suite("Criteria", .tags(.pure))
struct CriteriaTests {
  /// A group of `units` channels, written by two layers and read by two, one of them with a kernel
  /// of `taps`; inputs are correlated.
  private func evidence(units: Int, taps: Int = 3, seed: UInt64 = 1) throws -> GroupEvidence {
    var generator = SeededGenerator(seed: seed)
    func random(_ count: Int) -> [Double] {
      (0..<count).map { _ in Double.random(in: -1...1, using: &generator) }
    }
    func consumer(_ taps: Int, centred: Bool) throws -> ReconstructionConsumer {
      let (columns, samples, outputs) = (units * taps, 120, 5)
      let (mixing, latent) = (random(columns * columns), random(samples * columns))
      var inputs = [Float](repeating: 0.3, count: samples * columns)
      for row in 0..<samples {
        for j in 0..<columns {
          for k in 0..<columns {
            inputs[row * columns + j] +=
              Float(latent[row * columns + k] * mixing[k * columns + j])
          }
        }
      }
      var collector = GramCollector(
        geometry: ConsumerGeometry(fullyConnected: columns, outputs: outputs))
      try collector.add(input: Tensor(shape: [samples, columns], elements: inputs))
      return ReconstructionConsumer(
        name: "reader of \(taps)",
        weights: Tensor(
          shape: [outputs, columns], elements: random(outputs * columns).map(Float.init)),
        unitColumns: (0..<units).map { unit in (0..<taps).map { unit * taps + $0 } },
        columnsPerChannel: taps, gram: try collector.finish(), centred: centred)
    }
    func producer(_ name: String) -> GroupEvidence.Producer {
      let filters = (0..<units).map { _ in random(27) }
      return .init(
        name: name, filters: filters,
        foldedFilters: filters.map { filter in filter.map { $0 * 1.5 } })
    }
    return GroupEvidence(
      units: units, producers: [producer("a"), producer("b")],
      scales: [random(units).map(abs), random(units).map(abs)],
      consumers: [try consumer(taps, centred: true), try consumer(1, centred: false)])
  }

  private func order(_ name: String, _ evidence: GroupEvidence) throws -> [Int]? {
    try #require(ChannelCriteria.named(name)).removalOrder(of: evidence)
  }

  @Test("names are told apart and known", arguments: ChannelCriteria.all.map(\.name))
  func names(name: String) throws {
    #expect(ChannelCriteria.all.count { $0.name == name } == 1)
    let criterion = try #require(ChannelCriteria.named(name))
    #expect(!criterion.summary.isEmpty)
    #expect(ChannelCriteria.named(name.uppercased()) == nil)
  }

  @Test(
    "every criterion gives a permutation, and an error from 0 to 1 that never falls",
    arguments: ChannelCriteria.all.map(\.name), [1, 2, 9])
  func permutation(name: String, units: Int) throws {
    let criterion = try #require(ChannelCriteria.named(name))
    let evidence = try evidence(units: units)
    let database = try evidence.database(by: criterion)
    #expect(database.removalOrder.sorted() == Array(0..<units))
    #expect(try evidence.database(by: criterion) == database)
    let errors = database.relativeError
    #expect(errors.count == units + 1 && errors[units] == 0)
    #expect(abs(errors[0] - 1) < 1e-9)
    #expect(zip(errors, errors.dropFirst()).allSatisfy { $0 >= $1 })
    if let minimum = criterion.minimumWidth(of: evidence) {
      #expect((1...units).contains(minimum))
    }
  }

  @Test(
    "a group that nothing can be fitted to is ordered too",
    arguments: ChannelCriteria.all.map(\.name))
  func unread(name: String) throws {
    var evidence = try evidence(units: 6)
    evidence.consumers = []
    let database = try evidence.database(by: try #require(ChannelCriteria.named(name)))
    #expect(database.removalOrder.sorted() == Array(0..<6))
    #expect(zip(database.relativeError, database.relativeError.dropFirst()).allSatisfy { $0 >= $1 })
  }

  @Test("channels that are silent everywhere go first, and constant ones too where that is seen")
  func silent() throws {
    var evidence = try evidence(units: 6)
    evidence.scales = evidence.scales.map {
      $0.enumerated().map { $0.offset == 4 ? 0 : $0.element }
    }
    for place in evidence.producers.indices {
      evidence.producers[place].filters[4] = Array(repeating: 0, count: 27)
      evidence.producers[place].foldedFilters[4] = Array(repeating: 0, count: 27)
    }
    for place in evidence.consumers.indices {
      let columns = evidence.consumers[place].gram.columns
      for column in evidence.consumers[place].unitColumns[4] {
        for row in 0..<5 { evidence.consumers[place].weights.elements[row * columns + column] = 0 }
      }
    }
    for criterion in ChannelCriteria.all where criterion.name != "fpgm" {
      let database = try evidence.database(by: criterion)
      #expect(database.removalOrder[0] == 4, "\(criterion.name)")
      #expect(database.relativeError.allSatisfy { $0.isFinite })
    }
  }

  @Test("magnitudes, scales and medians are their definitions")
  func definitions() throws {
    let evidence = try evidence(units: 9)
    let filters = (0..<9).map { unit in evidence.producers.flatMap { $0.filters[unit] } }
    func ascending(_ score: (Int) -> Double) -> [Int] {
      (0..<9).sorted { score($0) < score($1) }
    }
    let scores: [(name: String, of: (Int) -> Double)] = [
      ("l1", { unit in filters[unit].reduce(0.0) { $0 + abs($1) } }),
      ("l2", { unit in filters[unit].reduce(0.0) { $0 + $1 * $1 } }),
      ("bn-scale", { unit in evidence.scales.reduce(0.0) { $0 + $1[unit] } }),
      (
        "fpgm",
        { unit in
          filters.reduce(0.0) { sum, other in
            var square = 0.0
            for (a, b) in zip(filters[unit], other) { square += (a - b) * (a - b) }
            return sum + square.squareRoot()
          }
        }
      ),
    ]
    for (name, score) in scores {
      let found = try order(name, evidence)
      #expect(found == ascending(score), "\(name)")
    }
    var folded = evidence
    folded.scales = []
    let fallback = try order("bn-scale", folded)
    #expect(try order("l2", evidence) == fallback)
  }

  @Test("the quadratic form is the error of leaving units out, by its definition")
  func quadratic() throws {
    let evidence = try evidence(units: 7)
    let q = try QuadraticObjective(evidence.consumers, units: 7).matrix
    let problem = SubsetProblem(quadratic: q.elements)
    let sets: [[Int]] = [[], [3], [0, 6], [1, 2, 5], Array(0..<7)]
    for removed in sets {
      var expected = 0.0
      for consumer in evidence.consumers {
        let h = consumer.gram.matrix(centred: consumer.centred)
        let w = Matrix(rows: 5, columns: h.columns, elements: consumer.weights.elements)
        var lost = Matrix(rows: 5, columns: h.columns)
        for column in removed.flatMap({ consumer.unitColumns[$0] }) {
          for row in 0..<5 { lost[row, column] = w[row, column] }
        }
        expected += Self.energy(lost, h) / Self.energy(w, h) / 2
      }
      #expect(abs(problem.cost(of: removed) - expected) < 1e-10)
    }
  }

  /// tr(W H Wᵀ).
  private static func energy(_ w: Matrix, _ h: Matrix) -> Double {
    zip((w * h).elements, w.elements).reduce(0) { $0 + $1.0 * $1.1 }
  }

  @Test("both searches find the best half that brute force finds", arguments: [3, 4])
  func halves(seed: UInt64) throws {
    let evidence = try evidence(units: 10, taps: 2, seed: seed)
    let q = try QuadraticObjective(evidence.consumers, units: 10).matrix
    let problem = SubsetProblem(quadratic: q.elements)
    var best = Double.infinity
    for mask in 0..<1024 where mask.nonzeroBitCount == 5 {
      let removed: [Int] = (0..<10).filter { (mask >> $0) & 1 == 1 }
      best = min(best, problem.cost(of: removed))
    }
    for name in ["genetic", "greedy-swap"] {
      let half = try #require(try order(name, evidence)).prefix(5)
      #expect(abs(problem.cost(of: half) - best) < 1e-12, "\(name)")
    }
  }

  @Test("with one tap, compensation is least squares; with more, its first choice is the formula's")
  func compensation() throws {
    var evidence = try evidence(units: 8, taps: 3)
    let consumer = evidence.consumers[0]
    evidence.consumers = [consumer]
    let first = try #require(try order("cap", evidence)).first
    var gram = Matrix(rows: 8, columns: 8)
    let h = consumer.gram.matrix(centred: false)
    let mean = consumer.gram.mean
    for i in 0..<8 {
      for j in 0..<8 {
        var (moment, a, b) = (0.0, 0.0, 0.0)
        for tap in 0..<3 {
          moment += h[3 * i + tap, 3 * j + tap] / 3
          a += mean[3 * i + tap] / 3
          b += mean[3 * j + tap] / 3
        }
        gram[i, j] = moment - Double(consumer.gram.positions) * a * b
      }
    }
    let damping = 0.01 * gram.diagonal.reduce(0, +) / 8
    let inverse = try CholeskyFactorization(gram, damping: damping).inverse()
    let losses = (0..<8).map { unit in
      var square = 0.0
      for row in 0..<5 {
        for tap in 0..<3 {
          let weight = Double(consumer.weights.elements[row * 24 + 3 * unit + tap])
          square += weight * weight
        }
      }
      return square / inverse[unit, unit]
    }
    #expect(first == losses.firstIndex(of: losses.min() ?? 0))

    evidence = try self.evidence(units: 8, taps: 1)
    let whole = try evidence.database(by: LeastSquaresCriterion())
    #expect(try order("cap", evidence) == whole.removalOrder)
  }

  @Test("a copy of a channel goes early by what sees correlation, and late by what does not")
  func copies() throws {
    var evidence = try evidence(units: 6, taps: 1)
    evidence.consumers = [evidence.consumers[1]]
    // Channel 5 gives what channel 2 gives, and weighs more than any other.
    var consumer = evidence.consumers[0]
    for row in 0..<5 { consumer.weights.elements[row * 6 + 5] = 9 }
    var collector = GramCollector(geometry: ConsumerGeometry(fullyConnected: 6, outputs: 5))
    var generator = SeededGenerator(seed: 3)
    var inputs: [Float] = []
    for _ in 0..<100 {
      let row = (0..<5).map { _ in Float.random(in: -1...1, using: &generator) }
      inputs += row + [row[2]]
    }
    try collector.add(input: Tensor(shape: [100, 6], elements: inputs))
    consumer.gram = try collector.finish()
    evidence.consumers = [consumer]
    for name in ["obs", "cap"] {
      let database = try evidence.database(by: try #require(ChannelCriteria.named(name)))
      #expect([2, 5].contains(database.removalOrder[0]), "\(name)")
    }
    #expect(try order("lq", evidence)?.last == 5)
  }

  @Test("capacity and independence are their definitions")
  func information() {
    let flat = [Double](repeating: 0.5, count: 8)
    let spread = (0..<8).map { Double($0) / 7 }
    let capacities = FilterInformation.capacities([flat, spread])
    // Eight weights, two bins: all in one, or half in each.
    #expect(capacities[0] == 0 && abs(capacities[1] - log(2)) < 1e-12)
    let independence = FilterInformation.independence([[1, 0], [2, 0], [0, -3], [0, 0]])
    expectClose(independence, [2.0 / 3, 2.0 / 3, 1, 0], tolerance: 1e-12)
    #expect(FilterInformation.independence([[2, 1]]) == [1])
    #expect(FilterInformation.capacities([[1, 1], [1, 1]]) == [0, 0])
  }

  @Test("an order that is no permutation is refused")
  func refused() throws {
    struct Broken: ChannelCriterion {
      let name = "broken"
      let summary = ""
      func removalOrder(of group: GroupEvidence) -> [Int]? { [0, 0, 1] }
    }
    let evidence = try evidence(units: 3)
    #expect(throws: RecoveryError.self) { try evidence.database(by: Broken()) }
  }
}
