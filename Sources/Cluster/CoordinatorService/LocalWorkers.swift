import Foundation
import Logging
import Messaging
import Processes
import Synchronization

/// Worker processes on this machine: started with the coordinator, started again when they die.
///
/// Each holds the reading end of a pipe whose other end is ours, and leaves when it closes: a
/// coordinator that is killed leaves no orphans.
public final class LocalWorkers: Sendable {
  private struct State {
    var processes: [Int: ChildProcess] = [:]
    /// Our ends of the workers' standard inputs.
    var pipes: [Int: Int32] = [:]
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
      for process in state.processes.values { process.signal(SIGTERM) }
    }
  }

  private func launch(_ slot: Int, generation: Int) throws {
    let name = "local-\(slot)-\(ProcessInfo.processInfo.processIdentifier).\(generation)"
    let output = try LogFile(log)
    var pipe: [Int32] = [0, 0]
    guard pipe2(&pipe) else {
      throw StateError(.unusable, "no pipe for a worker: \(String(cString: strerror(errno)))")
    }
    let process = try ChildProcess.spawn(
      [executable.path(percentEncoded: false)] + arguments
        + ["--name", name, "--exit-with-parent"],
      environment: ProcessInfo.processInfo.environment, input: pipe[0], output: output.descriptor,
      ownSession: true)
    close(pipe[0])
    state.withLock { state in
      state.processes[slot] = process
      if let old = state.pipes.updateValue(pipe[1], forKey: slot) { close(old) }
    }
    let started = ContinuousClock.now
    Thread.detachNewThread { [weak self] in
      let status = (try? process.wait()) ?? -1
      let life = ContinuousClock.now - started
      self?.ended(slot, generation: generation, name: name, status: status, after: life)
    }
  }

  private func pipe2(_ ends: inout [Int32]) -> Bool {
    guard pipe(&ends) == 0 else { return false }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return true
  }

  private func ended(
    _ slot: Int, generation: Int, name: String, status: Int32, after life: Duration
  ) {
    state.withLock { $0.processes[slot] = nil }
    // Status 0 is a worker that was sent home.
    guard status != 0, !state.withLock({ $0.isStopping }) else { return }
    guard status != WorkerExit.refused else {
      logger.error(
        "a worker was refused and is not started again; see the log",
        metadata: ["worker.id": "\(name)"])
      return
    }
    logger.warning("a worker died", metadata: ["worker.id": "\(name)", "status": "\(status)"])
    died(name)
    // A worker that dies as it starts must not take the machine with it, dying again and again.
    let delay = life < .seconds(1) ? min(Double(generation), 10) : 0
    DispatchQueue.global().asyncAfter(deadline: .now() + delay) { [weak self] in
      guard let self, !self.state.withLock({ $0.isStopping }) else { return }
      do {
        try self.launch(slot, generation: generation + 1)
      } catch {
        self.logger.error("cannot start a worker", metadata: ["error": "\(error)"])
      }
    }
  }
}
