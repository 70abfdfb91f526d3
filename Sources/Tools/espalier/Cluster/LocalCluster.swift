import CoordinatorService
import Foundation
import Messaging
import Pipeline
import Postgres
import Processes
import ZeroMQ

/// The cluster of a state folder, as the command line starts, finds and stops it.
struct LocalCluster {
  let folder: StateFolder
  /// A PostgreSQL of the user's own; nil for the private one.
  let databaseText: String?

  init(_ options: ClusterOptions) {
    folder = options.folder
    databaseText = options.databaseText
  }

  var privateDatabase: PrivateCluster { PrivateCluster(folder: folder.database) }

  /// Starts the database if it does not run.
  ///
  /// - Returns: Its URL, and whether this call started it.
  func startDatabase() async throws -> (url: PostgresURL, started: Bool) {
    try folder.make()
    if let databaseText { return (try PostgresURL(databaseText), false) }
    var wasRunning = false
    if case .running = try privateDatabase.status() { wasRunning = true }
    return (try await privateDatabase.start(), !wasRunning)
  }

  /// Reads from the stores with the database up, and leaves it as it was found.
  func reading<Value>(_ body: (Stores) async throws -> Value) async throws -> Value {
    guard databaseText != nil || FileManager.default.fileExists(atPath: folder.path) else {
      throw InputError(
        "there is no cluster in \(folder.path): name its folder with --state, or start one with `espalier run`"
      )
    }
    let (url, started) = try await startDatabase()
    do {
      let value = try await body(try await Stores.open(url, in: folder))
      if started { try await stopDatabaseIfUnused() }
      return value
    } catch {
      if started { try? await stopDatabaseIfUnused() }
      throw error
    }
  }

  /// Starts the coordinator, which starts its workers, unless one runs.
  ///
  /// - Returns: The process if this call started it.
  @discardableResult
  func startCoordinator(
    _ workers: WorkerOptions, listen: [String] = [], allowingCommands: Bool = false
  ) async throws -> ChildProcess? {
    // One that is on its way out may be gone before it answers; then another is started.
    if let process = StateLock.holder(of: folder) {
      try checkBuild(of: process)
      if try await awaitCoordinator(process: nil) { return nil }
    }
    var arguments = [
      "--state", folder.path, "--workers", "\(workers.workers)", "--threads", "\(workers.threads)",
      "--memory", "\(workers.memory)",
    ]
    if allowingCommands { arguments.append("--allow-commands") }
    for endpoint in listen { arguments += ["--listen", endpoint] }
    if workers.allowMixed { arguments.append("--allow-mixed") }
    // A URL may hold a password: it travels in the environment, which other users cannot read.
    var environment = ProcessInfo.processInfo.environment
    if let databaseText { environment["ESPALIER_DATABASE"] = databaseText }
    let log = try LogFile(folder.logs.appending(path: "coordinator.log"))
    let process = try ChildProcess.spawn(
      [Self.sibling("espalier-coordinator").path(percentEncoded: false)] + arguments,
      environment: environment, output: log.descriptor, ownSession: true)
    _ = try await awaitCoordinator(process: process)
    return process
  }

  /// Throws where a running coordinator is of another build than this program: it would compute
  /// something else than what this one is asked for.
  func checkBuild(of process: Int32) throws {
    let own = Self.sibling("espalier-coordinator").path(percentEncoded: false)
    // A program that was replaced since shows as deleted. What cannot be seen is not refused.
    guard
      let running = try? FileManager.default.destinationOfSymbolicLink(
        atPath: "/proc/\(process)/exe"), running != own
    else { return }
    throw InputError(
      """
      the cluster in \(folder.path) runs another build, \(running) (process \(process)): stop it \
      with `espalier down --state \(folder.path)`
      """)
  }

  /// Waits until the coordinator answers.
  ///
  /// - Returns: False if it was somebody else's and has ended.
  private func awaitCoordinator(process: ChildProcess?) async throws -> Bool {
    let client = try ControlClient(to: try folder.endpoint(), in: Context())
    defer { client.close() }
    let deadline = ContinuousClock.now + .seconds(30)
    while true {
      do {
        _ = try await client.request(.status, timeout: .milliseconds(500))
        return true
      } catch let error as MessagingError where error.code == .unreachable {
        if let process, let status = process.poll() {
          throw InputError(
            "the coordinator ended with status \(status): \(lastLines(of: "coordinator.log"))")
        }
        if process == nil, StateLock.holder(of: folder) == nil { return false }
        guard ContinuousClock.now < deadline else { throw error }
      }
    }
  }

  /// Asks the coordinator.
  func request(_ request: ControlRequest, timeout: Duration = .seconds(30)) async throws -> Data {
    guard StateLock.holder(of: folder) != nil else {
      throw MessagingError(
        .unreachable,
        "no coordinator runs on \(folder.path): start it with `espalier up --state \(folder.path)`")
    }
    let client = try ControlClient(to: try folder.endpoint(), in: Context())
    defer { client.close() }
    switch try await client.request(request, timeout: timeout) {
    case .ok(let data): return data
    case .failed(_, let message): throw InputError(message)
    }
  }

  /// What the coordinator says of itself.
  func coordinatorStatus() async throws -> CoordinatorStatus {
    let data = try await request(.status, timeout: .seconds(5))
    do {
      return try CanonicalJSON.decode(CoordinatorStatus.self, from: data)
    } catch {
      // Another build may say it in other words.
      if let process = StateLock.holder(of: folder) { try checkBuild(of: process) }
      throw error
    }
  }

  /// Drains and stops the coordinator and its workers.
  func stopCoordinator() async throws {
    guard let process = StateLock.holder(of: folder) else { return }
    _ = try? await request(.drain(shutdown: true), timeout: .seconds(5))
    let started = ContinuousClock.now
    var sent: Int32?
    while StateLock.holder(of: folder) == process {
      let waited = ContinuousClock.now - started
      // Draining waits for jobs under way; what does not end then is ended.
      if waited > .seconds(60), sent == SIGTERM {
        kill(process, SIGKILL)
        sent = SIGKILL
      } else if waited > .seconds(30), sent == nil {
        kill(process, SIGTERM)
        sent = SIGTERM
      }
      guard waited < .seconds(90) else {
        throw InputError("the coordinator, process \(process), does not stop")
      }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  /// Stops the private database unless somebody else has begun to use it.
  func stopDatabaseIfUnused() async throws {
    guard databaseText == nil, StateLock.holder(of: folder) == nil,
      let url = try privateDatabase.url()
    else { return }
    let connection = try await Connection.connect(to: url)
    let others = try await connection.query(
      """
      select count(*) as others from pg_stat_activity
      where backend_type = 'client backend' and application_name <> \(Session.applicationName)
      """
    ).only().value("others", as: Int.self)
    await connection.close()
    if others == 0 { try await privateDatabase.stop() }
  }

  func stopDatabase() async throws {
    if databaseText == nil { try await privateDatabase.stop() }
  }

  /// A program that was built with this one.
  static func sibling(_ name: String) -> URL {
    let own = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    return own.deletingLastPathComponent().appending(path: name)
  }

  private func lastLines(of log: String) -> String {
    let text = (try? String(contentsOf: folder.logs.appending(path: log), encoding: .utf8)) ?? ""
    return text.split(separator: "\n").suffix(3).joined(separator: "\n")
  }
}
