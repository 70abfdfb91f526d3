import Foundation

/// A program started by us.
///
/// Foundation's `Process` lets a child inherit every open file. Ours start servers and workers that
/// would keep our sockets and pipes open for us, so here a child gets its three standard files and
/// nothing else, and signals as they are by default.
public struct ChildProcess: Sendable, Hashable {
  public let processID: Int32

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - arguments: The program's path first.
  ///   - environment: All of it.
  ///   - input: Becomes standard input; nil for none.
  ///   - output: Becomes standard output and error.
  ///   - ownSession: Away from our terminal: a Ctrl-C here does not reach it.
  /// - Throws: ``ProcessError`` naming the program and the system's reason.
  public static func spawn(
    _ arguments: [String], environment: [String: String], input: Int32? = nil, output: Int32,
    ownSession: Bool = false
  ) throws(ProcessError) -> ChildProcess {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let input {
      posix_spawn_file_actions_adddup2(&actions, input, 0)
    } else {
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, output, 2)
    for descriptor in openDescriptors where descriptor > 2 {
      posix_spawn_file_actions_addclose(&actions, descriptor)
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var all = sigset_t()
    var none = sigset_t()
    sigfillset(&all)
    sigemptyset(&none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setsigmask(&attributes, &none)
    // The importer leaves POSIX_SPAWN_SETSID out.
    let session: Int32 = ownSession ? 0x80 : 0
    posix_spawnattr_setflags(
      &attributes, Int16(Int32(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK) | session))

    var words = arguments.map { strdup($0) } + [nil]
    var settings = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in words + settings { free(text) } }
    var process: pid_t = 0
    let failure = posix_spawn(&process, arguments[0], &actions, &attributes, &words, &settings)
    guard failure == 0 else {
      throw ProcessError(
        message: "cannot start \(arguments[0]): \(String(cString: strerror(failure)))")
    }
    return ChildProcess(processID: process)
  }

  /// Blocks until the program ends.
  ///
  /// - Returns: Its exit status; 128 + n for signal n, as in a shell.
  public func wait() throws(ProcessError) -> Int32 {
    var status: Int32 = 0
    while waitpid(processID, &status, 0) < 0 {
      guard errno == EINTR else {
        throw ProcessError(message: "cannot wait for process \(processID)")
      }
    }
    return Self.exitStatus(status)
  }

  /// How the program ended; nil while it runs.
  public func poll() -> Int32? {
    var status: Int32 = 0
    guard waitpid(processID, &status, WNOHANG) == processID else { return nil }
    return Self.exitStatus(status)
  }

  public func signal(_ number: Int32) { kill(processID, number) }

  private static func exitStatus(_ status: Int32) -> Int32 {
    status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
  }

  private static var openDescriptors: [Int32] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    return names.compactMap { Int32($0) }
  }
}

/// A program that could not be started or waited for.
public struct ProcessError: Error, Sendable, CustomStringConvertible {
  public let message: String
  public var description: String { message }

  public init(message: String) { self.message = message }
}

/// A log file that children append to.
public struct LogFile: ~Copyable {
  public let descriptor: Int32

  /// - Throws: ``ProcessError`` naming the file and the system's reason.
  public init(_ url: URL) throws(ProcessError) {
    let path = url.path(percentEncoded: false)
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw ProcessError(message: "cannot write \(path): \(String(cString: strerror(errno)))")
    }
  }

  deinit { close(descriptor) }
}
