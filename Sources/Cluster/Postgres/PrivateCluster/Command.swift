import Foundation

/// Runs a program to its end and keeps what it printed.
///
/// Foundation's `Process` lets a child inherit every open file. Here that child starts a server which
/// outlives us, and would keep sockets and pipes of ours open: so this one closes them.
struct Command: Sendable {
  var arguments: [String]
  var environment: [String: String] = [:]
  var folder: String

  struct Outcome: Sendable {
    var status: Int32
    var output: String
    var succeeded: Bool { status == 0 }
  }

  /// - Returns: Status 127 if there is no such program, as in a shell.
  /// - Throws: ``PostgresError`` `clusterFailed` if no process can be started.
  func run() async throws -> Outcome {
    try await withCheckedThrowingContinuation { continuation in
      // Waiting blocks: not on the cooperative pool.
      DispatchQueue.global().async { continuation.resume(with: Result { try runBlocking() }) }
    }
  }

  private func runBlocking() throws(PostgresError) -> Outcome {
    // A file and not a pipe: the end of output is the end of the program, whoever else holds it.
    guard let output = tmpfile() else { throw .fromErrno("cannot make a temporary file") }
    defer { fclose(output) }
    let process = try spawn(output: fileno(output))
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 {
      guard errno == EINTR else { throw .fromErrno("cannot wait for \(arguments[0])") }
    }
    let exited = status & 0x7f == 0
    return Outcome(
      status: exited ? (status >> 8) & 0xff : 128 + (status & 0x7f),
      output: Self.contents(of: fileno(output)))
  }

  private func spawn(output: Int32) throws(PostgresError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, output, 2)
    for descriptor in Self.openDescriptors where descriptor > 2 {
      posix_spawn_file_actions_addclose(&actions, descriptor)
    }

    // Signals that our process blocks or ignores are none of the server's business.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var all = sigset_t()
    var none = sigset_t()
    sigfillset(&all)
    sigemptyset(&none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

    let variables = environment.map { "\($0)=\($1)" }
    let inFolder = ["/bin/sh", "-c", #"cd "$0" && exec "$@""#, folder] + arguments
    var words = inFolder.map { strdup($0) } + [nil]
    var settings = variables.map { strdup($0) } + [nil]
    defer { for text in words + settings { free(text) } }
    var process: pid_t = 0
    let failure = posix_spawn(&process, inFolder[0], &actions, &attributes, &words, &settings)
    guard failure == 0 else {
      throw PostgresError(
        .clusterFailed, "cannot run \(arguments[0]) in \(folder)",
        cause: String(cString: strerror(failure)))
    }
    return process
  }

  private static var openDescriptors: [Int32] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    return names.compactMap { Int32($0) }
  }

  private static func contents(of descriptor: Int32) -> String {
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
    try? handle.seek(toOffset: 0)
    let bytes = (try? handle.readToEnd()) ?? Data()
    return String(decoding: bytes, as: UTF8.self).trimmingWhitespace()
  }
}
