import Foundation
import Logging
import Synchronization

/// Worker processes on this machine: started with the coordinator, started again when they die.
///
/// Each holds the reading end of a pipe whose other end is ours, and leaves when it closes: a
/// coordinator that is killed leaves no orphans.
public final class LocalWorkers: Sendable {
  private struct State {
    var processes: [Int: Process] = [:]
    var isStopping = false
  }

  private let executable: URL
  private let arguments: [String]
  private let log: URL
  private let logger: Logger
  private let died: @Sendable (String) -> Void
  private let state = Mutex(State())

  /// - Parameters:
  ///   - executable: `espalier-worker`.
  ///   - arguments: All but the name.
  ///   - log: Where their output goes.
  ///   - died: Told the name of a worker that ended unasked.
  public init(
    executable: URL, arguments: [String], log: URL,
    logger: Logger = Logger(label: "espalier.local-workers"),
    died: @escaping @Sendable (String) -> Void
  ) {
    self.executable = executable
    self.arguments = arguments
    self.log = log
    self.logger = logger
    self.died = died
  }

  public func start(count: Int) throws {
    for slot in 0..<count { try launch(slot, generation: 0) }
  }

  /// Asks them to finish what they hold and leave, and stops starting new ones.
  public func stop() {
    state.withLock { state in
      state.isStopping = true
      for process in state.processes.values where process.isRunning { process.terminate() }
    }
  }

  private func launch(_ slot: Int, generation: Int) throws {
    let name = "local-\(slot)-\(ProcessInfo.processInfo.processIdentifier).\(generation)"
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments + ["--name", name, "--exit-with-parent"]
    process.standardInput = Pipe()
    let output = try Self.appending(to: log)
    process.standardOutput = output
    process.standardError = output
    process.terminationHandler = { [weak self] process in
      try? output.close()
      self?.ended(slot, generation: generation, name: name, status: process.terminationStatus)
    }
    try process.run()
    state.withLock { $0.processes[slot] = process }
  }

  private func ended(_ slot: Int, generation: Int, name: String, status: Int32) {
    guard !state.withLock({ $0.isStopping }) else { return }
    logger.warning("a worker died", metadata: ["worker.id": "\(name)", "status": "\(status)"])
    died(name)
    // A worker that dies at once again and again must not take the machine with it.
    let delay = min(Double(generation) * 0.5, 10)
    DispatchQueue.global().asyncAfter(deadline: .now() + delay) { [weak self] in
      guard let self, !self.state.withLock({ $0.isStopping }) else { return }
      do {
        try self.launch(slot, generation: generation + 1)
      } catch {
        self.logger.error("cannot start a worker", metadata: ["error": "\(error)"])
      }
    }
  }

  private static func appending(to log: URL) throws -> FileHandle {
    let path = log.path(percentEncoded: false)
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw StateError(.unusable, "cannot write \(path): \(String(cString: strerror(errno)))")
    }
    return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
  }
}
