import Foundation
import TestSupport
import Testing

extension SystemTests {
  @Suite("run")
  struct RunTests {
    @Test("run prunes for every device, keeps to budgets, and leaves nothing running")
    func whole() async throws {
      try await TestCluster.with { cluster in
        let run = try ["run"] + cluster.sweep() + ["--workers", "2", "--format", "json"]
        let ending = try await cluster.espalier(run)
        let data = Data(ending.output.utf8)
        try checkKeys(data)
        let variants = try JSONDecoder().decode([VariantRecord].self, from: data)
        #expect(variants.map(\.device) == ["dense", "half", "small"])
        for variant in variants { try check(variant) }
        let dense = try #require(variants.first)
        #expect(dense.accuracy == dense.baselineAccuracy)
        #expect(dense.accuracyBefore == dense.baselineAccuracy)
        #expect(cluster.processes.isEmpty)
        #expect(cluster.server == nil)

        try await lists(on: cluster, workers: 2)
        try await again(run, on: cluster, expecting: variants)
        try await anotherCatalogue(on: cluster)
      }
    }

    /// Every job is there with what it took, by stage or all of them.
    private func lists(on cluster: TestCluster, workers: Int) async throws {
      let jobs = try await cluster.json([JobRecord].self, "jobs", "test")
      let sweep = try #require(try await cluster.json([SweepAnswer].self, "sweeps").first)
      #expect(jobs.count == sweep.jobs["completed"])
      let done = jobs.filter { $0.worker != nil }
      #expect(Set(done.compactMap(\.worker)).count == workers)
      #expect(done.allSatisfy { !$0.isReused && ($0.seconds ?? -1) >= 0 })
      let fits = try await cluster.json([JobRecord].self, "jobs", "test", "--stage", "surgery")
      #expect(fits == jobs.filter { $0.stage == "surgery" })
      #expect(fits.map(\.label) == ["dense", "half", "small"])
      let table = try await cluster.espalier("jobs", "test").output
      #expect(table.contains("\(jobs.count(where: { $0.stage == "scores" })) jobs run, 0 reused"))
      try await cluster.espalier("jobs", "none", expecting: 2)
    }

    /// The same command finds everything there.
    private func again(
      _ run: [String], on cluster: TestCluster, expecting variants: [VariantRecord]
    ) async throws {
      let before = try await cluster.json([SweepAnswer].self, "sweeps")
      let ending = try await cluster.espalier(run)
      #expect(ending.errors.contains("already"), "\(ending.errors)")
      let after = try JSONDecoder().decode(
        [VariantRecord].self, from: Data(ending.output.utf8))
      #expect(after.map(VariantEssence.init) == variants.map(VariantEssence.init))
      #expect(after.map(\.id) == variants.map(\.id))
      let sweeps = try await cluster.json([SweepAnswer].self, "sweeps")
      #expect(sweeps.map(\.id) == before.map(\.id))
      #expect(sweeps.first?.stages == before.first?.stages)
      #expect(cluster.processes.isEmpty)
    }

    /// A new device costs its own jobs only: without workers, all others are done already.
    private func anotherCatalogue(on cluster: TestCluster) async throws {
      let more =
        TestCluster.devices + """
            - name: another
              class: watch
              budgets: {macs: 70%}

          """
      let scores = try await cluster.json(ScoresAnswer.self, "scores", "test")
      let files = try cluster.sweep(devices: more)
      try await cluster.espalier("up", "--workers", "0")
      try await cluster.espalier(["submit"] + files)
      let waiting = try await cluster.awaitAllocation()
      #expect(waiting.jobs["available"] == 1, "\(waiting.stages)")
      #expect(waiting.stages["allocation"]?["available"] == 1)
      // Its batch comes first; what other devices had of it is found after that.
      for stage in ["scores", "statistics", "reconstruction", "evaluation"] {
        let jobs = try #require(waiting.stages[stage])
        #expect(Array(jobs.keys) == ["completed"], "\(stage): \(jobs)")
      }
      try await cluster.espalier("down")

      try await cluster.espalier(["run"] + files + ["--workers", "1", "--keep-running"])
      #expect(cluster.processes.count == 2)
      #expect(try await cluster.json(ScoresAnswer.self, "scores", "test") == scores)
      #expect(try await cluster.variants("--sweep", "test").count == 4)
      try await cluster.espalier("down")
      #expect(cluster.processes.isEmpty)
      #expect(cluster.server == nil)
    }

    /// Every field that is promised is there in every object, with null where it has no value.
    private func checkKeys(_ data: Data) throws {
      let objects = try #require(try JSONSerialization.jsonObject(with: data) as? [[String: Any]])
      for object in objects {
        for key in VariantRecord.CodingKeys.allCases {
          #expect(object[key.rawValue] != nil, "\(key.rawValue) is missing")
        }
      }
    }

    private func check(_ variant: VariantRecord) throws {
      #expect(variant.status == "ready")
      #expect(variant.reason == nil)
      #expect(variant.sweep == "test")
      for accuracy in [variant.accuracy, variant.accuracyBefore, variant.baselineAccuracy] {
        #expect((0...1).contains(try #require(accuracy)))
      }
      let costs = [
        "macs": try #require(variant.macs), "parameters": try #require(variant.parameters),
        "model_bytes": try #require(variant.modelBytes),
      ]
      for cost in costs.values { #expect(cost > 0) }
      #expect(try #require(variant.peakActivationBytes) > 0)
      let budgets = try #require(variant.budgets)
      #expect(!budgets.isEmpty)
      for (resource, use) in budgets {
        #expect(use.used <= use.limit, "\(variant.device) is over its budget on \(resource)")
        #expect(use.used == costs[resource], "\(variant.device), \(resource)")
      }
      let widths = try #require(variant.widths)
      #expect(widths.values.allSatisfy { $0 > 0 })
      #expect(try #require(variant.digest).count == 64)
      #expect(try #require(variant.gap) >= 0)
      #expect(try #require(variant.bound) >= (try #require(variant.objective)) - 1e-9)
    }

    @Test("interrupted, run ends with 130, and the same command goes on")
    func interrupted() async throws {
      try await TestCluster.with { cluster in
        let run = try ["run"] + cluster.sweep(calibration: 300) + ["--workers", "2"]
        let program = try cluster.start(run)
        try await cluster.awaitJobs()
        program.signal(SIGINT)
        let ending = try await program.ending()
        #expect(!ending.wasKilled)
        #expect(ending.status == 130, "\(ending.errors)")
        #expect(cluster.processes.isEmpty)
        #expect(cluster.server == nil)
        let sweep = try #require(try await cluster.json([SweepAnswer].self, "sweeps").first)
        #expect(sweep.state == "running")
        try await cluster.espalier(run)
        let after = try #require(try await cluster.json([SweepAnswer].self, "sweeps").first)
        #expect(after.id == sweep.id)
        #expect(after.state == "completed")
      }
    }
  }
}

extension TestCluster {
  /// Waits until some job of the only sweep is done.
  func awaitJobs() async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < deadline {
      if let status = try? await currentStatus(),
        status.sweeps.first?.jobs["completed", default: 0] ?? 0 > 0
      {
        return
      }
      try await Task.sleep(for: .milliseconds(50))
    }
    Issue.record("no job was done within a minute")
  }

  /// The only sweep, once a job of the allocation waits for a worker: `submit` does not wait for
  /// what is there already to be looked through.
  func awaitAllocation() async throws -> SweepAnswer {
    let deadline = ContinuousClock.now + .seconds(60)
    while true {
      let sweep = try #require(try await status().sweeps.first)
      let isThere = sweep.stages["allocation"]?["available", default: 0] ?? 0 > 0
      if isThere || ContinuousClock.now > deadline { return sweep }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  /// What `status` says while the cluster may be on its way up or down.
  func currentStatus() async throws -> ClusterStatus {
    let ending = try await start(["status", "--format", "json"]).ending()
    return try JSONDecoder().decode(ClusterStatus.self, from: Data(ending.output.utf8))
  }
}
