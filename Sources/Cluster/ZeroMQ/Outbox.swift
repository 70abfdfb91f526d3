import Foundation
import Glibc
import Synchronization

/// The way into a ``Reactor`` from any thread: a queue, and a descriptor that wakes the reactor.
public final class Outbox: Sendable {
  private struct State {
    var messages: [[Data]] = []
    var isClosed = false
  }

  private let state = Mutex(State())
  /// The reading end of a pipe: readable while there is something to do.
  let descriptor: Int32
  private let alarm: Int32

  init() throws {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      throw ZeroMQError(
        .failed, "cannot make a pipe: \(String(cString: strerror(errno))) (errno \(errno))")
    }
    descriptor = ends[0]
    alarm = ends[1]
    for end in ends {
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
    }
  }

  deinit {
    _ = Glibc.close(descriptor)
    _ = Glibc.close(alarm)
  }

  /// Hands a message to the reactor's thread and returns at once; dropped once the reactor closes.
  public func send(_ frames: [Data]) {
    let isFirst = state.withLock { state in
      guard !state.isClosed else { return false }
      state.messages.append(frames)
      return state.messages.count == 1
    }
    if isFirst { wake() }
  }

  func close() {
    state.withLock { $0.isClosed = true }
    wake()
  }

  private func wake() {
    var byte: UInt8 = 1
    // A full pipe wakes as well as one more byte.
    _ = write(alarm, &byte, 1)
  }

  /// Everything handed over since the last call, and whether it is the last.
  func drain() -> (messages: [[Data]], isClosed: Bool) {
    // What is left of the bytes wakes once more.
    var bytes: (UInt64, UInt64) = (0, 0)
    _ = read(descriptor, &bytes, 16)
    return state.withLock { state in
      defer { state.messages = [] }
      return (state.messages, state.isClosed)
    }
  }
}
