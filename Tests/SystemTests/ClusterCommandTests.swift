import Foundation
import TestSupport
import Testing

extension SystemTests {
  @Suite("cluster commands")
  struct ClusterCommandTests {
    @Test("a sweep is submitted, watched and cancelled on a cluster that is up")
    func lifecycle() async throws {
      try await TestCluster.with { cluster in
        try await unreachable(cluster)
        try await cluster.espalier("up", "--workers", "1")
        let again = try await cluster.espalier("up", "--workers", "1")
        #expect(again.errors.contains("already"))
        let status = try await cluster.status()
        let coordinator = try #require(status.coordinator)
        #expect(status.database.hasPrefix("running"))
        #expect(coordinator.workers.count == 1)
        #expect(
          Set(cluster.processes)
            == Set(coordinator.workers.map(\.processID) + [coordinator.processID]))
        try await refusesAnother(cluster, of: coordinator.processID)
        try await refusesAnotherBuild(cluster, than: coordinator.processID)
        try await cancels(cluster)
        try await submitsAndWatches(cluster)
        try await cluster.espalier("down")
        #expect(cluster.processes.isEmpty)
        #expect(cluster.server == nil)
        try await unreachable(cluster)
        // Reading starts the database alone, and stops it again.
        #expect(try await cluster.variants().count == 3)
        #expect(cluster.server == nil)
        try await cluster.espalier("down")
      }
    }

    @Test("what a cancelled sweep had computed ends at once, and the worker is free for others")
    func cancelledWork() async throws {
      try await TestCluster.with { cluster in
        try await cluster.espalier("up", "--workers", "1", "--allow-commands")
        let begun = cluster.root.appending(path: "begun").path
        let files = try cluster.sweep(calibration: 32, evaluation: 32)
        // The shell's process goes on as the command.
        let command = "echo $$ > '\(begun)'; exec sleep 3600 # {model} {output}"
        try await cluster.espalier(["submit"] + files + ["--recover-with", command])
        let deadline = ContinuousClock.now + .seconds(120)
        var process: Int32?
        while process == nil, ContinuousClock.now < deadline {
          try await Task.sleep(for: .milliseconds(100))
          let text = try? String(contentsOfFile: begun, encoding: .utf8)
          process = text.flatMap { Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        }
        let sleeper = try #require(process, "the command was never run")
        func worker() async throws -> ClusterStatus.Worker? {
          try await cluster.status().coordinator?.workers.first
        }
        while try await worker()?.underway != 1, ContinuousClock.now < deadline {
          try await Task.sleep(for: .milliseconds(200))
        }
        #expect(kill(sleeper, 0) == 0)
        let work = try #require(try await cluster.status().sweeps.first).work
        // Evaluation of the variants is foreseen, and no job yet.
        #expect(work.done > 0 && work.done < work.flops)
        try await cluster.espalier("cancel", "test")
        while kill(sleeper, 0) == 0, ContinuousClock.now < deadline {
          try await Task.sleep(for: .milliseconds(100))
        }
        #expect(kill(sleeper, 0) != 0, "the command of a cancelled sweep runs on")
        try await cluster.espalier(["run"] + files + ["--name", "next"])
        #expect(try await worker()?.jobs == 0)
      }
    }

    /// What needs a coordinator says that there is none.
    private func unreachable(_ cluster: TestCluster) async throws {
      for command in [["submit"] + (try cluster.sweep()), ["cancel", "test"], ["status"]] {
        let ending = try await cluster.espalier(command, expecting: 4)
        #expect(!(ending.errors + ending.output).isEmpty)
      }
    }

    /// One state folder has one coordinator.
    private func refusesAnother(_ cluster: TestCluster, of process: Int32) async throws {
      let second = try Program(.coordinator, ["--state", cluster.state])
      let ending = try await second.ending(within: .seconds(20))
      #expect(ending.status == 2 && !ending.wasKilled)
      #expect(ending.errors.contains("in use by process \(process)"), "\(ending.errors)")
      #expect(try await cluster.status().coordinator?.processID == process)
    }

    /// A cluster of another build would compute something else than it is asked for.
    private func refusesAnotherBuild(
      _ cluster: TestCluster, than process: Int32
    ) async throws {
      let folder = cluster.root.appending(path: "other build")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        at: Program.folder.appending(path: "espalier"), to: folder.appending(path: "espalier"))
      for command in ["run", "submit"] {
        let ending = try await Program(
          .espalier, [command, "--state", cluster.state] + cluster.sweep(), in: folder
        ).ending()
        #expect(ending.status == 2 && !ending.wasKilled)
        #expect(ending.errors.contains("another build"), "\(ending.errors)")
        #expect(ending.errors.contains("process \(process)"), "\(ending.errors)")
      }
    }

    private func cancels(_ cluster: TestCluster) async throws {
      let files = try cluster.sweep(calibration: 500, name: "unwanted")
      let id = try await cluster.espalier(["submit"] + files).output
        .trimmingCharacters(in: .whitespacesAndNewlines)
      try await cluster.espalier("cancel", "unwanted")
      let sweeps = try await cluster.json([SweepAnswer].self, "sweeps")
      #expect(sweeps.map(\.id) == [id])
      #expect(sweeps.first?.state == "cancelled")
      #expect(sweeps.first?.jobs["running"] == nil)
      #expect(sweeps.first?.jobs["available"] == nil)
      let watched = try await cluster.espalier("watch", id, expecting: 1)
      #expect(watched.errors.contains("cancelled"))
      try await cluster.espalier("cancel", "unwanted")
      try await cluster.espalier("cancel", "no such sweep", expecting: 2)
      try await cluster.espalier("watch", "no such sweep", expecting: 2)
    }

    private func submitsAndWatches(_ cluster: TestCluster) async throws {
      let files = try cluster.sweep()
      let id = try await cluster.espalier(["submit"] + files).output
      let again = try await cluster.espalier(["submit"] + files).output
      #expect(id == again, "asking twice is asking once")
      let watched = try await cluster.json([VariantRecord].self, "watch", "test")
      #expect(watched.map(\.status) == ["ready", "ready", "ready"])
      let sweeps = try await cluster.json([SweepAnswer].self, "sweeps")
      #expect(sweeps.map(\.name) == ["test", "unwanted"], "newest first")
      #expect(sweeps.first?.id == id.trimmingCharacters(in: .whitespacesAndNewlines))
      #expect(Array(sweeps[0].jobs.keys) == ["completed"])
      #expect(sweeps[0].work.done > 0 && sweeps[0].work.done == sweeps[0].work.flops)
    }
  }
}
