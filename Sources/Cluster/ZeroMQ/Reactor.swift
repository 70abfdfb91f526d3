import Foundation
import Synchronization

/// A socket with a thread of its own, so that actors and threads can send without touching it.
///
/// The thread calls `deliver` for whatever happens; that must not block. Messages handed over
/// before ``close()`` are still sent, then the socket is closed.
public final class Reactor: Sendable {
  public enum Event: Sendable {
    /// A message arrived.
    case received([Data])
    /// A router's message was for a peer that is not connected.
    case undeliverable([Data])
    /// The socket failed; the reactor has ended.
    case failed(ZeroMQError)
  }

  public let outbox: Outbox
  private let ended = DispatchSemaphore(value: 0)
  // Unsafe: only its identity is asked for.
  private nonisolated(unsafe) let thread: Thread

  /// Takes a socket over; it must not be used elsewhere afterwards.
  ///
  /// - Parameters:
  ///   - name: The thread's name, for people who look at the process.
  ///   - deliver: Called on the reactor's thread.
  /// - Throws: ``ZeroMQError`` with `failed`.
  public init(
    _ socket: sending Socket, name: String,
    deliver: @escaping @Sendable (Event, Outbox) -> Void
  ) throws {
    let outbox = try Outbox()
    self.outbox = outbox
    let ended = ended
    // Unsafe: `sending` gave the socket away, and from here on only the new thread knows it.
    nonisolated(unsafe) var loop: ReactorLoop? = ReactorLoop(
      socket: socket, outbox: outbox, deliver: deliver)
    thread = Thread {
      loop?.run()
      // The socket is closed here, before anybody is told that the reactor has ended.
      loop = nil
      ended.signal()
    }
    thread.name = name
    thread.start()
  }

  deinit { outbox.close() }

  /// Sends what is left, frees the endpoints, and ends the thread.
  public func close() {
    outbox.close()
    if Thread.current === thread { return }
    ended.wait()
    ended.signal()
  }
}

/// What a reactor's thread does.
private struct ReactorLoop {
  let socket: Socket
  let outbox: Outbox
  let deliver: @Sendable (Reactor.Event, Outbox) -> Void
  /// Messages the socket did not take yet, the oldest at `next`.
  var waiting: [[Data]] = []
  var next = 0

  /// Messages received before sending gets its turn again: neither side starves the other.
  static let turn = 64

  init(
    socket: Socket, outbox: Outbox, deliver: @escaping @Sendable (Reactor.Event, Outbox) -> Void
  ) {
    self.socket = socket
    self.outbox = outbox
    self.deliver = deliver
  }

  mutating func run() {
    do {
      var isClosed = false
      while !isClosed {
        let wanted: Socket.Readiness = next < waiting.count ? [.receive, .send] : .receive
        let ready = try socket.wait(for: wanted, orDescriptor: outbox.descriptor)
        if ready.contains(.receive) { try receiveTurn() }
        let handed = outbox.drain()
        waiting.append(contentsOf: handed.messages)
        try sendWaiting()
        isClosed = handed.isClosed
      }
    } catch let error as ZeroMQError {
      deliver(.failed(error), outbox)
    } catch {
      deliver(.failed(ZeroMQError(.failed, "\(error)")), outbox)
    }
    // After a failure too: what is handed over from now on is dropped, not gathered.
    outbox.close()
    socket.unbindAll()
  }

  private func receiveTurn() throws {
    for _ in 0..<Self.turn {
      guard let frames = try socket.receive() else { return }
      deliver(.received(frames), outbox)
    }
  }

  private mutating func sendWaiting() throws {
    while next < waiting.count {
      do {
        try socket.send(waiting[next])
      } catch let error as ZeroMQError where error.code == .unreachablePeer {
        deliver(.undeliverable(waiting[next]), outbox)
      } catch let error as ZeroMQError where error.code == .wouldBlock {
        return
      }
      waiting[next] = []
      next += 1
    }
    waiting.removeAll(keepingCapacity: true)
    next = 0
  }
}
