import Foundation
import TestSupport
import Testing

@testable import Postgres

@Suite("PrivateCluster", .tags(.system))
struct PrivateClusterTests {
  /// Runs `body` on a cluster in a folder of its own, and removes it.
  private func withCluster(
    under parent: URL = FileManager.default.temporaryDirectory, _ name: String = "state",
    _ body: (PrivateCluster, URL) async throws -> Void
  ) async throws {
    let root = parent.appending(path: "espalier-cluster-\(UUID().uuidString)")
    let folder = root.appending(path: name).appending(path: "postgres")
    let cluster = PrivateCluster(folder: folder)
    defer { try? FileManager.default.removeItem(at: root) }
    do {
      try await body(cluster, folder)
      try await cluster.destroy()
    } catch {
      try? await cluster.destroy()
      throw error
    }
  }

  private func processID(_ cluster: PrivateCluster) throws -> Int32 {
    guard case .running(let process) = try cluster.status() else {
      throw PostgresError(.clusterFailed, "does not run")
    }
    return process
  }

  @Test("a cluster starts, keeps its data, stops and starts again")
  func lifecycle() async throws {
    try await withCluster { cluster, _ in
      #expect(try cluster.status() == .absent)
      #expect(try cluster.url() == nil)
      let url = try await cluster.start()
      let first = try processID(cluster)
      #expect(try await cluster.start() == url, "starting what runs changes nothing")
      #expect(try processID(cluster) == first)
      let connection = try await Connection.connect(to: url)
      try await connection.execute(script: "create table t as select 7 as x")
      let settings = try await connection.query(
        "select current_setting('fsync') as fsync, current_setting('listen_addresses') as tcp")
      #expect(try settings.only().value("fsync", as: String.self) == "on")
      #expect(try settings.only().value("tcp", as: String.self) == "")
      try await cluster.stop()
      #expect(try cluster.status() == .stopped)
      let line = FileManager.default.contents(atPath: "/proc/\(first)/cmdline")
      #expect(line.map(\.isEmpty) != false, "the process is gone")
      try await cluster.stop()
      try await cluster.start()
      #expect(try await connection.query("select x from t").count == 1, "it connects again")
    }
  }

  @Test("the server never runs as root, and in a session of its own")
  func unprivileged() async throws {
    try await withCluster { cluster, _ in
      try await cluster.start()
      let process = try processID(cluster)
      let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
      let users = status.split(separator: "\n").first { $0.hasPrefix("Uid:") }
      #expect(users?.contains("\t0") == false)
      #expect(getsid(process) == process || getsid(process) != getsid(0))
    }
  }

  @Test("after a kill, and with its number taken by another process, it starts and has its data")
  func killed() async throws {
    try await withCluster { cluster, _ in
      let connection = try await Connection.connect(to: cluster.start())
      try await connection.execute(script: "create table t as select 7 as x")
      kill(try processID(cluster), SIGKILL)
      let placement = try #require(try ClusterPlacement.existing(in: cluster.folder))
      for _ in 0..<100 where try cluster.status() != .stopped {
        try await Task.sleep(for: .milliseconds(20))
      }
      #expect(try cluster.status() == .stopped)
      // This test's process stands for the one that got the number.
      let lock = "\(placement.data)/postmaster.pid"
      var lines = try String(contentsOfFile: lock, encoding: .utf8)
        .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      lines[0] = "\(getpid())"
      try Data(lines.joined(separator: "\n").utf8).write(to: URL(filePath: lock))
      #expect(try cluster.status() == .stopped)
      try await cluster.start()
      #expect(try await connection.query("select x from t").count == 1)
    }
  }

  @Test("two starts at once make one cluster")
  func concurrentStarts() async throws {
    try await withCluster { cluster, folder in
      let urls = try await withThrowingTaskGroup(of: PostgresURL.self) { group in
        for _ in 0..<3 { group.addTask { try await PrivateCluster(folder: folder).start() } }
        return try await group.reduce(into: Set()) { $0.insert($1) }
      }
      #expect(urls.count == 1)
    }
  }

  @Test("a state folder too long for a socket, with quotes and spaces, works")
  func longPath() async throws {
    let name = "a 'quoted' \"$HOME\" \\ name " + String(repeating: "x", count: 120)
    try await withCluster(name) { cluster, _ in
      let url = try await cluster.start()
      #expect(url.options["host"]?.hasPrefix("/tmp/espalier-") == true)
      let host = try #require(url.options["host"])
      let mode = try FileManager.default.attributesOfItem(atPath: host)[.posixPermissions]
      #expect(mode as? Int == 0o700)
      try await Connection.connect(to: url).query("select 1")
      try await cluster.stop()
      try await cluster.start()
    }
  }

  @Test("as root, a state folder that is closed to others works", .enabled(if: geteuid() == 0))
  func closedFolder() async throws {
    try await withCluster(under: URL(filePath: "/root")) { cluster, folder in
      let url = try await cluster.start()
      #expect(url.options["host"]?.hasPrefix("/var/lib/espalier/") == true)
      let connection = try await Connection.connect(to: url)
      try await connection.execute(script: "create table t as select 7 as x")
      try await cluster.stop()
      try await PrivateCluster(folder: folder).start()
      #expect(try await connection.query("select x from t").count == 1)
    }
  }

  @Test("without PostgreSQL's programs, the error names the package")
  func missingBinaries() async throws {
    let error = await #expect(throws: PostgresError.self) {
      try await ServerBinaries.find(madeBy: nil, environment: ["ESPALIER_PG_BIN": "/nowhere"])
    }
    #expect(error?.code == .binariesMissing)
    #expect(error?.message.contains("apt-get install postgresql") == true)
    let other = await #expect(throws: PostgresError.self) {
      try await ServerBinaries.find(madeBy: 99)
    }
    #expect(other?.message.contains("postgresql-99") == true)
  }

  @Test("a server that cannot start shows its log")
  func brokenConfiguration() async throws {
    try await withCluster { cluster, _ in
      try await cluster.start()
      try await cluster.stop()
      let placement = try #require(try ClusterPlacement.existing(in: cluster.folder))
      let file = URL(filePath: "\(placement.data)/postgresql.auto.conf")
      try Data("nonsense = 1\n".utf8).write(to: file)
      let error = await #expect(throws: PostgresError.self) { try await cluster.start() }
      #expect(error?.code == .clusterFailed)
      #expect(error?.cause?.contains("nonsense") == true)
    }
  }
}
