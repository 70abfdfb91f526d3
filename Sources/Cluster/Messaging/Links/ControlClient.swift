import Foundation
import Logging
import Synchronization
import ZeroMQ

/// The command line's end: asks the coordinator, and waits for its answer.
public final class ControlClient: Sendable {
  public let endpoint: Endpoint
  private let desk: ControlDesk
  private let reactor: Reactor

  /// Dials `endpoint`; whether somebody listens there shows with the first request.
  ///
  /// - Throws: `ZeroMQError` with `failed`.
  public init(
    to endpoint: Endpoint, in context: Context,
    logger: Logger = Logger(label: "espalier.control")
  ) throws {
    self.endpoint = endpoint
    var options = SocketOptions()
    options.largestMessage = Envelope.largestSize
    options.identity = PeerID.unique("control").bytes
    let socket = try Socket(.dealer, in: context, options: options)
    try socket.connect(endpoint)
    let desk = ControlDesk(logger: logger)
    self.desk = desk
    reactor = try Reactor(socket, name: "control-client") { event, _ in desk.take(event) }
  }

  deinit { desk.finish() }

  /// Asks, and waits for the answer. A coordinator that starts meanwhile still gets the request.
  ///
  /// - Throws: ``MessagingError`` with `unreachable` if no answer comes in time, `refused` if the
  ///   coordinator speaks another version, `messageTooLarge` or `closed`; `CancellationError`.
  public func request(
    _ request: ControlRequest, timeout: Duration = .seconds(10)
  ) async throws -> ControlReply {
    let (number, answers) = desk.expectAnswer()
    reactor.outbox.send([try Envelope.request(number, request).encoded()])
    let alarm = Task { [desk, endpoint] in
      try await Task.sleep(for: timeout)
      desk.settle(
        number,
        .failure(
          MessagingError(
            .unreachable,
            """
            no coordinator answers at \(endpoint) within \(timeout): \
            start the cluster with 'espalier up'
            """)))
    }
    defer {
      alarm.cancel()
      desk.forget(number)
    }
    for await answer in answers { return try answer.get() }
    try Task.checkCancellation()
    throw MessagingError(.closed, "the link to \(endpoint) was closed before an answer came")
  }

  /// Ends the connection; requests under way fail with `closed`.
  public func close() {
    reactor.close()
    desk.finish()
  }
}

/// Requests that wait for their answers.
private final class ControlDesk: Sendable {
  typealias Answer = Result<ControlReply, MessagingError>

  private struct State {
    var waiting: [UInt64: AsyncStream<Answer>.Continuation] = [:]
    var lastNumber: UInt64 = 0
    var isFinished = false
  }

  private let logger: Logger
  private let state = Mutex(State())

  init(logger: Logger) { self.logger = logger }

  func expectAnswer() -> (number: UInt64, answers: AsyncStream<Answer>) {
    let (answers, continuation) = AsyncStream<Answer>.makeStream()
    let number = state.withLock { state in
      if state.isFinished { continuation.finish() }
      state.lastNumber += 1
      state.waiting[state.lastNumber] = continuation
      return state.lastNumber
    }
    return (number, answers)
  }

  func forget(_ number: UInt64) { state.withLock { _ = $0.waiting.removeValue(forKey: number) } }

  func settle(_ number: UInt64, _ answer: Answer) {
    state.withLock { $0.waiting[number] }?.yield(answer)
  }

  func finish() {
    let waiting = state.withLock { state in
      state.isFinished = true
      return Array(state.waiting.values)
    }
    for answers in waiting { answers.finish() }
  }

  func take(_ event: Reactor.Event) {
    switch event {
    case .received(let frames): receive(frames)
    case .undeliverable: break
    case .failed(let error):
      logger.error("the control socket failed", metadata: ["error": "\(error)"])
      finish()
    }
  }

  private func receive(_ frames: [Data]) {
    do {
      switch try Envelope(decoding: frames.first ?? Data()) {
      case .reply(let number, let reply): settle(number, .success(reply))
      case .coordinator(.refused(let reason)): throw MessagingError(.refused, reason)
      case .worker, .coordinator, .request:
        logger.warning("ignored a message that answers nothing")
      }
    } catch let error as MessagingError where error.code == .refused {
      for number in state.withLock({ Array($0.waiting.keys) }) { settle(number, .failure(error)) }
    } catch {
      logger.warning("ignored a message", metadata: ["error": "\(error)"])
    }
  }
}
