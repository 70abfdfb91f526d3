import Digests
import Foundation
import Logging
import ZeroMQ

/// A worker's end. The connection is dialled again whenever it is lost, except over `inproc`.
public final class WorkerLink: Sendable {
  /// Everything about jobs, in order; for one reader. Ends when the link is closed or fails.
  public let messages: AsyncStream<CoordinatorMessage>
  public let endpoint: Endpoint
  private let configuration: TransferConfiguration
  private let inbox: WorkerInbox
  private let reactor: Reactor
  private let ticker: Task<Void, any Error>

  /// Dials `endpoint`; nobody need listen there yet.
  ///
  /// - Throws: `ZeroMQError` with `failed`.
  public init(
    to endpoint: Endpoint, in context: Context, configuration: TransferConfiguration = .init(),
    logger: Logger = Logger(label: "espalier.worker-link")
  ) throws {
    precondition(
      configuration.chunkSize > 0 && configuration.window > 0
        && configuration.chunkSize <= TransferConfiguration.largestChunk,
      "chunks of \(configuration.chunkSize) bytes, \(configuration.window) at one time")
    self.endpoint = endpoint
    self.configuration = configuration
    var options = SocketOptions()
    options.largestMessage = Envelope.largestSize
    options.identity = PeerID.unique("worker").bytes
    let socket = try Socket(.dealer, in: context, options: options)
    try socket.connect(endpoint)
    let (messages, continuation) = AsyncStream<CoordinatorMessage>.makeStream()
    self.messages = messages
    let inbox = WorkerInbox(messages: continuation, logger: logger)
    self.inbox = inbox
    reactor = try Reactor(socket, name: "worker-link") { inbox.take($0, answers: $1) }
    ticker = Task {
      while true {
        try await Task.sleep(for: configuration.retryInterval)
        inbox.tick()
      }
    }
  }

  deinit {
    ticker.cancel()
    inbox.finish()
  }

  /// Hands a message over and returns at once; it waits here while there is no connection.
  ///
  /// The last hello is kept, and repeated when a coordinator that restarted asks for it.
  ///
  /// - Throws: ``MessagingError`` with `messageTooLarge`.
  public func send(_ message: WorkerMessage) throws {
    let frame = try Envelope.worker(message).encoded()
    if case .hello = message { inbox.remember(hello: frame) }
    reactor.outbox.send([frame])
  }

  /// An artifact of the coordinator's store, verified. Goes on where it was after lost connections.
  ///
  /// - Throws: ``MessagingError`` with `artifactMissing`, `artifactUnavailable`, `artifactCorrupt`,
  ///   `unreachable` or `closed`; `CancellationError`.
  public func fetch(_ digest: Digest) async throws -> Data {
    try await run(Download(digest, configuration: configuration))
  }

  /// Brings an artifact into the coordinator's store, unless it is there; it is durable afterwards.
  ///
  /// - Throws: ``MessagingError`` with `artifactUnavailable`, `artifactCorrupt`, `unreachable` or
  ///   `closed`; `CancellationError`.
  @discardableResult
  public func store(_ data: Data) async throws -> Digest {
    try await run(Upload(data, configuration: configuration))
  }

  /// Sends what was handed over, and ends `messages` and every transfer.
  public func close() {
    ticker.cancel()
    reactor.close()
    inbox.finish()
  }

  /// Carries out what a transfer says, until it has an outcome.
  private func run<T: Transfer>(_ transfer: T) async throws -> T.Outcome {
    var transfer = transfer
    let (number, events) = inbox.subscribe(to: transfer.digest)
    defer { inbox.unsubscribe(number) }
    if let outcome = try perform(transfer.start()) { return outcome }
    var silence = Duration.zero
    // The first tick may come at once.
    var wasSilent = false
    for await event in events {
      switch event {
      case .message(let message):
        (silence, wasSilent) = (.zero, false)
        if let outcome = try perform(transfer.receive(message)) { return outcome }
      case .tick:
        defer { wasSilent = true }
        guard wasSilent else { continue }
        silence += configuration.retryInterval
        guard silence < configuration.patience else { throw unreachable(transfer.digest, silence) }
        if let outcome = try perform(transfer.retry()) { return outcome }
      }
    }
    try Task.checkCancellation()
    throw MessagingError(
      .closed,
      "the link to \(endpoint) was closed while artifact \(transfer.digest.short) travelled")
  }

  private func perform<Outcome>(_ actions: [TransferAction<Outcome>]) throws -> Outcome? {
    for action in actions {
      switch action {
      case .send(let message): try send(message)
      case .finish(let outcome): return outcome
      case .fail(let error): throw error
      }
    }
    return nil
  }

  private func unreachable(_ digest: Digest, _ silence: Duration) -> MessagingError {
    MessagingError(
      .unreachable,
      """
      artifact \(digest.short) did not get through: no coordinator answers at \(endpoint) \
      for \(silence.components.seconds) s; see 'espalier status'
      """)
  }
}
