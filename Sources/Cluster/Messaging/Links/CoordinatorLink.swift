import Foundation
import Logging
import Synchronization
import ZeroMQ

/// The coordinator's end: one socket on several endpoints, for workers and command lines alike.
///
/// A message that cannot be read is counted, logged and answered with `refused`. A worker the
/// coordinator does not know, because it restarted, is asked to introduce itself.
public final class CoordinatorLink: Sendable {
  public enum Event: Hashable, Sendable {
    case worker(PeerID, WorkerMessage)
    /// To be answered with ``CoordinatorLink/reply(_:to:requestID:)``.
    case control(PeerID, requestID: UInt64, ControlRequest)
    /// A message could not be sent: the peer is gone, for now or for ever.
    case unreachable(PeerID)
  }

  /// Everything that happens, in order; for one reader. Ends when the link is closed or fails.
  public let events: AsyncStream<Event>
  /// Where the link listens; a `*` port has become a number.
  public let endpoints: [Endpoint]
  private let desk: CoordinatorDesk
  private let reactor: Reactor

  /// Listens on all of `endpoints`.
  ///
  /// - Throws: `ZeroMQError` with `addressInUse` or `failed`, naming the endpoint.
  public init(
    listeningOn endpoints: [Endpoint], in context: Context,
    logger: Logger = Logger(label: "espalier.coordinator-link")
  ) throws {
    var options = SocketOptions()
    // Without limit, so that one slow worker does not hold up the others' messages: what is under
    // way is bounded by transfer windows and credits.
    options.sendHighWaterMark = 0
    options.largestMessage = Envelope.largestSize
    let socket = try Socket(.router, in: context, options: options)
    for endpoint in endpoints { try socket.bind(endpoint) }
    self.endpoints = socket.boundEndpoints
    let (events, continuation) = AsyncStream<Event>.makeStream()
    self.events = events
    let desk = CoordinatorDesk(events: continuation, logger: logger)
    self.desk = desk
    reactor = try Reactor(socket, name: "coordinator-link") { desk.take($0, answers: $1) }
  }

  deinit { desk.events.finish() }

  /// Hands a message over and returns at once. If the peer is gone, an `unreachable` event follows.
  ///
  /// - Throws: ``MessagingError`` with `messageTooLarge`.
  public func send(_ message: CoordinatorMessage, to peer: PeerID) throws {
    reactor.outbox.send([peer.bytes, try Envelope.coordinator(message).encoded()])
  }

  /// Answers a control request.
  ///
  /// - Throws: ``MessagingError`` with `messageTooLarge`.
  public func reply(_ reply: ControlReply, to peer: PeerID, requestID: UInt64) throws {
    reactor.outbox.send([peer.bytes, try Envelope.reply(requestID, reply).encoded()])
  }

  /// Messages received that could not be read.
  public var malformedMessages: Int { desk.malformedMessages }

  /// Sends what was handed over, frees the endpoints, and ends `events`.
  public func close() {
    reactor.close()
    desk.events.finish()
  }
}

/// What the reactor's thread does with what arrives.
private final class CoordinatorDesk: Sendable {
  private struct State {
    /// Peers that said hello; nil for those asked to, with the time of asking.
    var introductions: [PeerID: ContinuousClock.Instant?] = [:]
    var malformedMessages = 0
  }

  let events: AsyncStream<CoordinatorLink.Event>.Continuation
  private let logger: Logger
  private let state = Mutex(State())

  init(events: AsyncStream<CoordinatorLink.Event>.Continuation, logger: Logger) {
    self.events = events
    self.logger = logger
  }

  var malformedMessages: Int { state.withLock { $0.malformedMessages } }

  func take(_ event: Reactor.Event, answers: Outbox) {
    switch event {
    case .received(let frames): receive(frames, answers: answers)
    case .undeliverable(let frames):
      guard let name = frames.first else { return }
      let peer = PeerID(name)
      state.withLock { _ = $0.introductions.removeValue(forKey: peer) }
      logger.debug("peer is gone", metadata: ["peer": "\(peer)"])
      events.yield(.unreachable(peer))
    case .failed(let error):
      logger.error("the coordinator's socket failed", metadata: ["error": "\(error)"])
      events.finish()
    }
  }

  private func receive(_ frames: [Data], answers: Outbox) {
    guard let name = frames.first else { return }
    let peer = PeerID(name)
    do {
      guard frames.count == 2 else {
        throw MessagingError(.malformed, "a message of \(frames.count - 1) frames instead of one")
      }
      switch try Envelope(decoding: frames[1]) {
      case .worker(let message):
        if mustAsk(peer, after: message) { answer(.introduce, to: peer, through: answers) }
        events.yield(.worker(peer, message))
      case .request(let id, let request):
        events.yield(.control(peer, requestID: id, request))
      case .coordinator, .reply:
        throw MessagingError(.malformed, "a message only a coordinator sends")
      }
    } catch {
      state.withLock { $0.malformedMessages += 1 }
      logger.warning("refused a message", metadata: ["peer": "\(peer)", "error": "\(error)"])
      answer(.refused(reason: "\(error)"), to: peer, through: answers)
    }
  }

  /// Whether the peer is unknown and was not asked within the last second.
  private func mustAsk(_ peer: PeerID, after message: WorkerMessage) -> Bool {
    state.withLock { state in
      switch message {
      case .hello:
        state.introductions[peer] = .some(nil)
        return false
      case .goodbye:
        state.introductions.removeValue(forKey: peer)
        return false
      case .heartbeat, .fetch, .store, .completed, .failed:
        let now = ContinuousClock.now
        if let known = state.introductions[peer] {
          guard let asked = known, asked + .seconds(1) < now else { return false }
        }
        state.introductions[peer] = .some(now)
        return true
      }
    }
  }

  private func answer(_ message: CoordinatorMessage, to peer: PeerID, through answers: Outbox) {
    do {
      answers.send([peer.bytes, try Envelope.coordinator(message).encoded()])
    } catch {
      logger.error("cannot answer", metadata: ["peer": "\(peer)", "error": "\(error)"])
    }
  }
}
