import Foundation
import TestSupport
import Testing

/// A state folder of a test's own, and the files that its sweeps are made of.
struct TestCluster {
  /// Holds everything below.
  let root: URL
  var state: String { root.appending(path: "state").path }

  /// Runs `body` on a new cluster; afterwards nothing of it is left, whatever happened.
  static func with(_ body: (TestCluster) async throws -> Void) async throws {
    let name = "espalier-system-\(UUID().uuidString.prefix(8))"
    let cluster = TestCluster(
      root: FileManager.default.temporaryDirectory.appending(path: name))
    try FileManager.default.createDirectory(
      at: cluster.root, withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o755])
    do {
      try await body(cluster)
      try await cluster.remove()
    } catch {
      try? await cluster.remove()
      throw error
    }
  }

  /// Runs `espalier` with `--state` to its end, which must not be a crash.
  @discardableResult
  func espalier(
    _ arguments: String..., environment: [String: String] = [:],
    expecting status: Int32? = 0, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Program.Ending {
    try await espalier(
      arguments, environment: environment, expecting: status, sourceLocation: sourceLocation)
  }

  @discardableResult
  func espalier(
    _ arguments: [String], environment: [String: String] = [:], expecting status: Int32? = 0,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Program.Ending {
    let ending = try await start(arguments, environment: environment).ending()
    let said = Comment(rawValue: "\(arguments): \(ending.output)\(ending.errors)")
    #expect(!ending.wasKilled, said, sourceLocation: sourceLocation)
    if let status { #expect(ending.status == status, said, sourceLocation: sourceLocation) }
    return ending
  }

  /// Starts `espalier` with `--state`.
  func start(_ arguments: [String], environment: [String: String] = [:]) throws -> Program {
    try Program(.espalier, arguments + ["--state", state], environment: environment)
  }

  /// What a command prints as JSON.
  func json<Value: Decodable>(
    _ type: Value.Type = Value.self, _ arguments: String..., expecting status: Int32? = 0,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Value {
    try await json(type, arguments, expecting: status, sourceLocation: sourceLocation)
  }

  func json<Value: Decodable>(
    _ type: Value.Type = Value.self, _ arguments: [String], expecting status: Int32? = 0,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Value {
    let ending = try await espalier(
      arguments + ["--format", "json"], expecting: status, sourceLocation: sourceLocation)
    return try JSONDecoder().decode(type, from: Data(ending.output.utf8))
  }

  func status(expecting status: Int32? = 0) async throws -> ClusterStatus {
    try await json(ClusterStatus.self, "status", expecting: status)
  }

  func variants(_ arguments: String...) async throws -> [VariantRecord] {
    try await json([VariantRecord].self, ["variants"] + arguments)
  }

  // MARK: Processes

  /// Processes that carry the state folder on their command lines.
  var processes: [Int32] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return all.compactMap { Int32($0) }.filter { process in
      let line = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
      let words = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      return words.first?.contains("espalier") == true && words.contains(state)
    }
  }

  /// The private database's server.
  var server: Int32? {
    let path = "\(databaseHome)/data/postmaster.pid"
    let text = try? String(contentsOfFile: path, encoding: .utf8)
    return text?.split(separator: "\n").first.flatMap { Int32($0) }
  }

  /// Where the private database is: as root it may be elsewhere, and a file says where.
  private var databaseHome: String {
    let elsewhere = try? String(contentsOfFile: "\(state)/postgres/location", encoding: .utf8)
    return elsewhere.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
      ?? "\(state)/postgres"
  }

  private func remove() async throws {
    _ = try? await start(["down"]).ending(within: .seconds(30))
    for process in processes { kill(process, SIGKILL) }
    if let server { kill(server, SIGQUIT) }
    let home = databaseHome
    try? FileManager.default.removeItem(atPath: home)
    try FileManager.default.removeItem(at: root)
  }
}
