import Foundation
import TestSupport
import Testing

extension SystemTests {
  @Suite("worker counts")
  struct WorkerCountTests {
    /// None computes in the program itself.
    private static let counts = [(0, 1), (1, 1), (1, 2), (2, 1), (3, 2), (5, 1)]

    @Test("scores and plans are the same for any number of workers and threads")
    func sameScores() async throws {
      var all: [(scores: ScoresAnswer, widths: [[String: Int]?])] = []
      for (workers, threads) in Self.counts {
        try await TestCluster.with { cluster in
          // Two tiles and their pairs: partial sums come back in an order that differs from run to run.
          let files = try cluster.sweep(calibration: 140)
          try await cluster.espalier(
            ["run"] + files + ["--plan-only", "--no-evaluate", "--workers", "\(workers)"]
              + ["--threads", "\(threads)"])
          let scores = try await cluster.json(ScoresAnswer.self, "scores", "test")
          let variants = try await cluster.variants("status = 'planned'")
          #expect(variants.count == 3)
          for variant in variants {
            #expect(variant.digest == nil && variant.accuracy == nil)
            #expect(variant.macs != nil && variant.objective != nil)
          }
          all.append((scores, variants.map(\.widths)))
        }
      }
      let first = try #require(all.first)
      for one in all {
        #expect(one.scores == first.scores)
        #expect(one.widths == first.widths)
      }
      check(first.scores)
    }

    private func check(_ scores: ScoresAnswer) {
      let count = scores.taps.count
      #expect(count > 1)
      #expect(Set(scores.taps).count == count)
      #expect(scores.samples == 140)
      #expect(scores.digest.count == 64)
      #expect(scores.digest.allSatisfy { "0123456789abcdef".contains($0) })
      #expect(scores.importance.count == count)
      #expect(scores.importance.allSatisfy { $0 > 0 && $0.isFinite })
      #expect(scores.nhsic.count == count)
      for (row, values) in scores.nhsic.enumerated() {
        #expect(values.count == count)
        #expect(abs(values[row] - 1) < 1e-6, "dependence on itself is 1")
        for (column, value) in values.enumerated() {
          #expect((-1e-9...1.000001).contains(value))
          // The order of summation differs between a pair and its mirror image.
          #expect(abs(value - scores.nhsic[column][row]) < 1e-12, "the matrix is symmetric")
        }
      }
    }
  }
}
