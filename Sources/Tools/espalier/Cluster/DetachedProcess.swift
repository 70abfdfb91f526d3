import Foundation

/// Processes that outlive the command line: in a session of their own, so that a Ctrl-C here does
/// not reach them, with their output in a log.
enum DetachedProcess {
  /// - Returns: The process's number.
  /// - Throws: ``InputError`` naming the program and the system's reason.
  static func spawn(
    executable: URL, arguments: [String], environment: [String: String], log: URL
  ) throws -> Int32 {
    let program = executable.path(percentEncoded: false)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(
      &actions, 1, log.path(percentEncoded: false), O_WRONLY | O_CREAT | O_APPEND, 0o644)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // POSIX_SPAWN_SETSID, which the importer leaves out.
    posix_spawnattr_setflags(&attributes, 0x80)

    let merged = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    var process = pid_t()
    let status = withCStrings([program] + arguments) { argv in
      withCStrings(merged.map { "\($0)=\($1)" }) { envp in
        posix_spawn(&process, program, &actions, &attributes, argv, envp)
      }
    }
    guard status == 0 else {
      throw InputError("cannot start \(program): \(String(cString: strerror(status)))")
    }
    return process
  }

  /// How a child ended; nil while it runs.
  static func exitStatus(of process: Int32) -> Int32? {
    var status: Int32 = 0
    guard waitpid(process, &status, WNOHANG) == process else { return nil }
    return (status & 0x7f) == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
  }

  private static func withCStrings<Value>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Value
  ) -> Value {
    let copies = strings.map { strdup($0) }
    defer { copies.forEach { free($0) } }
    return body(copies + [nil])
  }
}
