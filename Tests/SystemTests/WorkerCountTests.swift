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

    @Test("the only variant is fitted with the threads of idle neighbours, and has the same bits")
    func lentThreads() async throws {
      let device = """
        version: 1
        devices:
          - {name: half, class: phone, budgets: {macs: 50%}}

        """
      var models: [String?] = []
      for workers in [1, 2] {
        try await TestCluster.with { cluster in
          try await cluster.espalier("up", "--workers", "\(workers)")
          while try await cluster.currentStatus().coordinator?.workers.count != workers {}
          try await cluster.espalier(
            ["submit"] + cluster.sweep(devices: device) + ["--no-evaluate"])
          try await cluster.espalier("watch", "test")
          let log = URL(filePath: cluster.state).appending(path: "logs/workers.log")
          #expect(
            try String(contentsOf: log, encoding: .utf8).contains("threads of neighbours")
              == (workers > 1))
          models += try await cluster.variants("status = 'ready'").map(\.digest)
        }
      }
      #expect(models.count == 2 && models[0] != nil && models[0] == models[1])
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
