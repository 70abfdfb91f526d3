import Digests
import Foundation
import Logging
import Synchronization
import ZeroMQ

/// Sorts what a worker receives: artifacts to their transfers, everything else to the worker.
final class WorkerInbox: Sendable {
  enum TransferEvent: Sendable {
    case message(CoordinatorMessage)
    /// A retry interval has passed since the last tick.
    case tick
  }

  private struct State {
    var hello: Data?
    var transfers: [Int: (digest: Digest, events: AsyncStream<TransferEvent>.Continuation)] = [:]
    var lastNumber = 0
    var isFinished = false
  }

  private let messages: AsyncStream<CoordinatorMessage>.Continuation
  private let logger: Logger
  private let state = Mutex(State())

  init(messages: AsyncStream<CoordinatorMessage>.Continuation, logger: Logger) {
    self.messages = messages
    self.logger = logger
  }

  func remember(hello: Data) { state.withLock { $0.hello = hello } }

  /// Everything about one artifact from now on, until ``unsubscribe(_:)`` or ``finish()``.
  func subscribe(to digest: Digest) -> (number: Int, events: AsyncStream<TransferEvent>) {
    let (events, continuation) = AsyncStream<TransferEvent>.makeStream()
    let number = state.withLock { state in
      if state.isFinished { continuation.finish() }
      state.lastNumber += 1
      state.transfers[state.lastNumber] = (digest, continuation)
      return state.lastNumber
    }
    return (number, events)
  }

  func unsubscribe(_ number: Int) {
    state.withLock { _ = $0.transfers.removeValue(forKey: number) }
  }

  /// Tells every transfer that time passes.
  func tick() {
    for events in state.withLock({ $0.transfers.values.map(\.events) }) { events.yield(.tick) }
  }

  func finish() {
    let transfers = state.withLock { state in
      state.isFinished = true
      return state.transfers.values.map(\.events)
    }
    for events in transfers { events.finish() }
    messages.finish()
  }

  func take(_ event: Reactor.Event, answers: Outbox) {
    switch event {
    case .received(let frames): receive(frames, answers: answers)
    case .undeliverable: break
    case .failed(let error):
      logger.error("the worker's socket failed", metadata: ["error": "\(error)"])
      finish()
    }
  }

  private func receive(_ frames: [Data], answers: Outbox) {
    do {
      guard frames.count == 1, case .coordinator(let message) = try Envelope(decoding: frames[0])
      else { throw MessagingError(.malformed, "a message no coordinator sends to workers") }
      sort(message, answers: answers)
    } catch let error as MessagingError where error.code == .refused {
      messages.yield(.refused(reason: "the coordinator sent \(error)"))
    } catch {
      logger.warning("ignored a message", metadata: ["error": "\(error)"])
    }
  }

  private func sort(_ message: CoordinatorMessage, answers: Outbox) {
    if message == .introduce {
      if let hello = state.withLock({ $0.hello }) { answers.send([hello]) }
    } else if let digest = message.artifact {
      let transfers = state.withLock { state in
        state.transfers.values.filter { $0.digest == digest }.map(\.events)
      }
      for events in transfers { events.yield(.message(message)) }
    } else {
      messages.yield(message)
    }
  }
}
