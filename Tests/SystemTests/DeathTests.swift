import Foundation
import TestSupport
import Testing

extension SystemTests {
  @Suite("deaths")
  struct DeathTests {
    private static let stages: Set = [
      "scores", "statistics", "reconstruction", "allocation", "surgery", "evaluation",
    ]

    @Test("a worker killed in each stage and a coordinator killed once change no variant")
    func killed() async throws {
      let undisturbed = try await undisturbedVariants()
      #expect(undisturbed.count == 3)
      try await TestCluster.with { cluster in
        try await cluster.espalier("up", "--workers", "1")
        // It stands still until the first jobs are given out, so that the first stage is not missed.
        let first = try await firstWorker(of: cluster)
        kill(first, SIGSTOP)
        try await cluster.espalier(["submit"] + files(cluster))
        let killed = try await killWorkers(of: cluster, beginningWith: first)
        // Short stages can pass on a busy machine before their worker is found: three must not.
        #expect(killed.isSubset(of: Self.stages) && killed.count >= 3, "\(killed)")
        // Whatever is left, another coordinator takes up.
        try await killCoordinator(of: cluster)
        try await cluster.espalier("up", "--workers", "2")
        try await cluster.espalier("watch", "test")
        let variants = try await cluster.variants("--sweep", "test")
        #expect(variants.map(VariantEssence.init) == undisturbed)
        let sweep = try #require(try await cluster.json([SweepAnswer].self, "sweeps").first)
        #expect(Array(sweep.jobs.keys) == ["completed"], "\(sweep.jobs)")
      }
    }

    @Test("workers make a pass together, and who loses the other in its midst does its pairs alone")
    func gang() async throws {
      let arguments = ["--plan-only", "--no-evaluate"]
      var expected: ScoresAnswer?
      try await TestCluster.with { cluster in
        try await cluster.espalier(
          ["run"] + cluster.sweep(calibration: 1200) + arguments + ["--workers", "0"])
        expected = try await cluster.json(ScoresAnswer.self, "scores", "test")
      }
      try await TestCluster.with { cluster in
        try await cluster.espalier("up", "--workers", "2")
        var workers: [Int32] = []
        while workers.count < 2 {
          workers = try await cluster.currentStatus().coordinator?.workers.map(\.processID) ?? []
        }
        try await cluster.espalier(
          ["submit"] + cluster.sweep(calibration: 1200) + arguments)
        let log = URL(filePath: cluster.state).appending(path: "logs/workers.log")
        func says(_ words: String) -> Bool {
          (try? String(contentsOf: log, encoding: .utf8))?.contains(words) == true
        }
        while !says("a pass with others") { try await Task.sleep(for: .milliseconds(5)) }
        kill(workers[0], SIGKILL)
        try await cluster.espalier("watch", "test")
        #expect(says("goes on alone"))
        let scores = try await cluster.json(ScoresAnswer.self, "scores", "test")
        #expect(scores == expected)
        let ledger = try await cluster.espalier("scores", "test", "--ledger")
        #expect(!ledger.output.contains("WRONG"))
      }
    }

    private func files(_ cluster: TestCluster) throws -> [String] {
      try cluster.sweep(calibration: 64, evaluation: 64)
    }

    private func undisturbedVariants() async throws -> [VariantEssence] {
      var variants: [VariantRecord] = []
      try await TestCluster.with { cluster in
        variants = try await cluster.json(
          [VariantRecord].self, ["run"] + files(cluster) + ["--workers", "0"])
      }
      return variants.map(VariantEssence.init)
    }

    /// Kills the only worker once in each stage, while it holds a job of that stage.
    ///
    /// The worker stands still while the stage is looked up, so what is read is what is killed.
    ///
    /// - Returns: The stages in which a worker was killed.
    private func killWorkers(
      of cluster: TestCluster, beginningWith first: Int32
    ) async throws -> Set<String> {
      var killed: Set<String> = []
      var worker: Int32? = first
      while killed != Self.stages {
        guard let process = worker else {
          worker = try await cluster.currentStatus().coordinator?.workers.first?.processID
          continue
        }
        kill(process, SIGSTOP)
        let status = try await cluster.currentStatus()
        guard let sweep = status.sweeps.first, sweep.state == "running" else {
          kill(process, SIGCONT)
          return killed
        }
        let running = Set(sweep.stages.filter { $0.value["running", default: 0] > 0 }.keys)
        if !running.isSubset(of: killed) {
          killed.formUnion(running)
          kill(process, SIGKILL)
          worker = nil
        } else {
          kill(process, SIGCONT)
          try await Task.sleep(for: .milliseconds(20))
        }
      }
      return killed
    }

    private func firstWorker(of cluster: TestCluster) async throws -> Int32 {
      while true {
        if let worker = try await cluster.currentStatus().coordinator?.workers.first {
          return worker.processID
        }
        try await Task.sleep(for: .milliseconds(50))
      }
    }

    private func killCoordinator(of cluster: TestCluster) async throws {
      let process = try #require(try await cluster.currentStatus().coordinator?.processID)
      kill(process, SIGKILL)
      // Its workers leave with it.
      let deadline = ContinuousClock.now + .seconds(20)
      while !cluster.processes.isEmpty, ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(50))
      }
      #expect(cluster.processes.isEmpty)
      let status = try await cluster.status(expecting: 4)
      #expect(status.coordinator == nil)
    }
  }
}
