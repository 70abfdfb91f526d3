import LinearAlgebra
import Recovery
import Tensors
import TestSupport
import Testing

@Suite("Exchanges of channels at one width", .tags(.pure))
struct ExchangeTests {
  /// A group of channels whose inputs hang together, read by layers with kernels of `sizes` taps.
  private static func group(
    units: Int, sizes: [Int], seed: UInt64
  ) throws -> GroupReconstruction {
    var generator = SeededGenerator(seed: seed)
    func random(_ count: Int) -> [Float] {
      (0..<count).map { _ in Float.random(in: -1...1, using: &generator) }
    }
    let samples = 80
    return try GroupReconstruction(
      consumers: sizes.enumerated().map { index, size in
        // One column of another group, which stays.
        let columns = units * size + 1
        // Few causes for many columns: channels stand in for each other.
        let (causes, mixing) = (random(samples * units), random(units * columns))
        var inputs = random(samples * columns).map { 0.3 * $0 }
        for row in 0..<samples {
          for column in 0..<columns {
            for cause in 0..<units / 2 {
              inputs[row * columns + column] +=
                causes[row * units + cause] * mixing[cause * columns + column]
            }
          }
        }
        var collector = GramCollector(
          geometry: ConsumerGeometry(fullyConnected: columns, outputs: 3))
        try collector.add(input: Tensor(shape: [samples, columns], elements: inputs))
        return ReconstructionConsumer(
          name: "layer \(index)",
          weights: Tensor(shape: [3, columns], elements: random(3 * columns)),
          unitColumns: (0..<units).map { unit in (0..<size).map { unit * size + $0 } },
          gram: try collector.finish(), centred: true)
      })
  }

  /// The error of keeping some units, by removing the others in any order.
  private static func error(_ group: GroupReconstruction, kept: [Int]) throws -> Double {
    let removed = (0..<group.units).filter { !kept.contains($0) }
    return try group.database(widths: [], order: removed + kept).relativeError[kept.count]
  }

  private static func subsets(_ size: Int, of count: Int) -> [[Int]] {
    (0..<1 << count).filter { $0.nonzeroBitCount == size }.map { bits in
      (0..<count).filter { bits >> $0 & 1 == 1 }
    }
  }

  @Test("never worse than greedy, exact, and equal to brute force more often than greedy is")
  func bruteForce() throws {
    var (greedyHits, hits) = (0, 0)
    for seed in 1...8 {
      let group = try Self.group(units: 8, sizes: [1, 3], seed: UInt64(seed))
      let database = try group.database(widths: [])
      for width in [2, 4, 6] {
        let greedy = database.keptUnits(width: width)
        let choice = try group.exchanging(greedy)
        #expect(choice.kept.count == width)
        #expect(choice.error <= database.relativeError[width] + 1e-12)
        #expect(abs(try Self.error(group, kept: choice.kept) - choice.error) < 1e-9)
        #expect((choice.exchanges == 0) == (choice.kept == greedy))
        let least = try Self.subsets(width, of: 8).map { try Self.error(group, kept: $0) }.min()
        let best = try #require(least)
        #expect(choice.error >= best - 1e-9)
        if database.relativeError[width] < best + 1e-9 { greedyHits += 1 }
        if choice.error < best + 1e-9 { hits += 1 }
      }
    }
    #expect(hits > greedyHits, "\(hits) and \(greedyHits) of 24")
  }

  @Test("an exchange changes the error by what was foreseen, from any units")
  func everyStart() throws {
    let group = try Self.group(units: 6, sizes: [2], seed: 20)
    // From wherever it starts, no single exchange is left that would help.
    for start in Self.subsets(3, of: 6) {
      let choice = try group.exchanging(start)
      for entry in 0..<6 where !choice.kept.contains(entry) {
        for exit in choice.kept {
          let other = choice.kept.filter { $0 != exit } + [entry]
          #expect(try Self.error(group, kept: other) > choice.error - 1e-9)
        }
      }
    }
  }

  @Test("the same units every time, and nothing to exchange where nothing is gone")
  func deterministic() throws {
    let group = try Self.group(units: 8, sizes: [3, 1], seed: 30)
    let once = try group.exchanging([0, 1, 2, 3])
    #expect(try group.exchanging([0, 1, 2, 3]) == once)
    let all = try group.exchanging(Array(0..<8))
    #expect(all.kept == Array(0..<8) && all.exchanges == 0)
    #expect(abs(all.error) < 1e-9)
  }
}
