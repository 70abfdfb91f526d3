import Foundation

extension ClusterPlacement {
  /// The running server's process, by the lock file it keeps and the mark it carries.
  ///
  /// The number alone is not enough: after a kill or a reboot it may be another process's.
  var serverProcess: Int32? {
    guard let text = try? String(contentsOfFile: "\(data)/postmaster.pid", encoding: .utf8),
      let process = text.split(separator: "\n").first.flatMap({ Int32($0) }), process > 0
    else { return nil }
    return isServer(process) ? process : nil
  }

  /// Whether a process is this cluster's server: a zombie is not, it has no command line.
  func isServer(_ process: Int32) -> Bool {
    let bytes = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
    return String(decoding: bytes, as: UTF8.self).contains(mark)
  }

  /// Makes the data folder, complete or not at all.
  func initialise(_ binaries: ServerBinaries) async throws {
    let draft = "\(home)/data.new"
    try? FileManager.default.removeItem(atPath: draft)
    let outcome = try await account.command(
      [
        binaries.path("initdb"), "--pgdata=\(draft)", "--username=\(PrivateCluster.user)",
        "--encoding=UTF8", "--locale=C", "--auth-local=trust", "--auth-host=reject",
      ], in: home
    ).run()
    guard outcome.succeeded else {
      throw PostgresError(
        .clusterFailed, "initdb could not make a database in \(home)", cause: outcome.output)
    }
    guard rename(draft, data) == 0 else {
      throw PostgresError.fromErrno("cannot name the new database \(data)")
    }
  }

  /// Starts the server and waits until it answers. Call only under the lock, and with none running.
  func startServer(_ binaries: ServerBinaries) async throws {
    try account.makePrivateFolder(sockets)
    try writeConfiguration()
    // Left by a killed server. Its number may be another process's by now, or a zombie's, and then
    // PostgreSQL would not start; a second server on the data is still excluded by its shared memory.
    for stale in ["\(data)/postmaster.pid", "\(sockets)/.s.PGSQL.5432.lock"] { unlink(stale) }

    let deadline = ContinuousClock.now + .seconds(20)
    while true {
      // The data folder goes by the environment and the log by a relative name: pg_ctl puts what is
      // on its command line through a shell.
      let outcome = try await account.command(
        [
          binaries.path("pg_ctl"), "start", "--wait", "--timeout=120", "--silent",
          "--log=server.log", "--options=-c cluster_name=\(mark)",
        ], in: home, environment: ["PGDATA": data]
      ).run()
      if outcome.succeeded { return }
      let log = logTail
      // Processes of a killed server notice its death within moments.
      if log.contains("still in use"), ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(200))
        continue
      }
      throw PostgresError(
        .clusterFailed, "PostgreSQL in \(home) does not start; its log is \(self.log)",
        cause: [outcome.output, log].joined(separator: "\n"))
    }
  }

  /// Waits until a server that runs answers, and makes our database if it is not there.
  func awaitServer() async throws {
    let url = PostgresURL(
      socketFolder: sockets, user: PrivateCluster.user, database: "postgres")
    let deadline = ContinuousClock.now + .seconds(120)
    while true {
      do {
        let connection = try await Connection.connect(to: url)
        let known = try await connection.query(
          "select from pg_database where datname = \(PrivateCluster.database)")
        if known.isEmpty {
          try await connection.execute("create database \(identifier: PrivateCluster.database)")
        }
        await connection.close()
        return
      } catch let error as PostgresError where error.code == .unreachable {
        // It recovers after a crash, or another process has just started it.
        guard serverProcess != nil, ContinuousClock.now < deadline else { throw error }
        try await Task.sleep(for: .milliseconds(100))
      }
    }
  }

  private func writeConfiguration() throws {
    let main = "\(data)/postgresql.conf"
    let line = "include 'espalier.conf'"
    let text = try String(contentsOfFile: main, encoding: .utf8)
    if !text.contains(line) { try rewrite(main, text + "\n\(line)\n") }
    let folder = sockets.replacingOccurrences(of: "'", with: "''")
      .replacingOccurrences(of: "\\", with: "\\\\")
    try rewrite(
      "\(data)/espalier.conf",
      """
      # Written by Espalier at every start.
      listen_addresses = ''
      unix_socket_directories = '"\(folder.replacingOccurrences(of: "\"", with: "\"\""))"'
      unix_socket_permissions = 0700
      port = 5432
      max_connections = 64
      shared_buffers = 32MB
      max_wal_size = 256MB
      jit = off
      timezone = 'UTC'
      log_timezone = 'UTC'

      """)
  }

  /// Writes beside and renames, as the server's user.
  private func rewrite(_ path: String, _ text: String) throws {
    let draft = "\(path).new"
    do {
      try Data(text.utf8).write(to: URL(filePath: draft))
    } catch {
      throw PostgresError(.clusterFailed, "cannot write \(draft)", cause: "\(error)")
    }
    guard chmod(draft, 0o600) == 0, chown(draft, account.userID, account.groupID) == 0,
      rename(draft, path) == 0
    else { throw PostgresError.fromErrno("cannot write \(path)") }
  }

  private var logTail: String {
    let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").suffix(15).joined(separator: "\n")
  }
}
