import Digests
import Foundation
import TestSupport
import Testing

@testable import Messaging

/// The two state machines against a real store, over a line that loses and repeats messages.
@Suite("Transfers", .tags(.pure))
struct TransferTests {
  let store: ArtifactStore
  let server: ArtifactServer
  var configuration = TransferConfiguration()

  init() throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "transfers-\(UUID().uuidString)")
    store = try ArtifactStore(folder: folder)
    server = ArtifactServer(store: store)
    configuration.chunkSize = 100
    configuration.window = 3
  }

  /// Runs a transfer to its end; `losses` of 100 messages are lost each way.
  private func run<T: Transfer>(
    _ transfer: T, losses: Int = 0, seed: UInt64 = 0
  ) throws -> (outcome: T.Outcome, messages: Int) {
    var transfer = transfer
    var generator = SeededGenerator(seed: seed)
    var actions = transfer.start()
    var messages = 0
    for _ in 0..<10_000 {
      var answers: [CoordinatorMessage] = []
      for action in actions {
        switch action {
        case .finish(let outcome): return (outcome, messages)
        case .fail(let error): throw error
        case .send(let message):
          messages += 1
          if Int.random(in: 0..<100, using: &generator) < losses { continue }
          if let answer = server.reply(to: message) { answers.append(answer) }
        }
      }
      actions = []
      for answer in answers where Int.random(in: 0..<100, using: &generator) >= losses {
        actions += transfer.receive(answer)
      }
      if actions.isEmpty { actions = transfer.retry() }
    }
    throw MessagingError(.unreachable, "the transfer does not end")
  }

  static func content(_ count: Int) -> Data {
    var generator = SeededGenerator(seed: UInt64(count))
    return Data((0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
  }

  @Test("every size arrives, both ways", arguments: [0, 1, 99, 100, 101, 299, 300, 301, 5000])
  func sizes(count: Int) throws {
    let content = Self.content(count)
    #expect(try run(Upload(content, configuration: configuration)).outcome == Digest(of: content))
    #expect(try store.data(for: Digest(of: content)) == content)
    let download = Download(Digest(of: content), configuration: configuration)
    #expect(try run(download).outcome == content)
  }

  @Test(
    "a line that loses a fifth of everything only takes longer",
    arguments: 1...20 as ClosedRange<UInt64>)
  func losses(seed: UInt64) throws {
    let content = Self.content(5000)
    let upload = Upload(content, configuration: configuration)
    #expect(try run(upload, losses: 20, seed: seed).outcome == Digest(of: content))
    let download = Download(Digest(of: content), configuration: configuration)
    #expect(try run(download, losses: 20, seed: seed).outcome == content)
  }

  @Test("what the coordinator has is offered once and not sent")
  func known() throws {
    let content = Self.content(5000)
    try store.put(content)
    #expect(try run(Upload(content, configuration: configuration)).messages == 1)
  }

  @Test("a quiet line carries each part once")
  func economy() throws {
    let content = Self.content(5000)
    #expect(try run(Upload(content, configuration: configuration)).messages == 51)
    let download = Download(Digest(of: content), configuration: configuration)
    #expect(try run(download).messages == 50)
  }

  @Test("a hundred retries into the void do not bring the content a hundred times")
  func retries() throws {
    let content = Self.content(1000)
    var download = Download(try store.put(content), configuration: configuration)
    var waiting = download.start()
    for _ in 0..<100 { waiting += download.retry() }
    var bytes = 0
    while !waiting.isEmpty {
      guard case .send(let message) = waiting.removeFirst() else { break }
      guard case .chunk(let digest, let offset, let total, let part) = server.reply(to: message)
      else { break }
      bytes += part.count
      waiting += download.receive(.chunk(digest, offset: offset, total: total, bytes: part))
    }
    #expect(bytes <= 1400)
  }

  @Test("a missing artifact is an error")
  func missing() {
    let error = #expect(throws: MessagingError.self) {
      try run(Download(Digest(of: Data([1])), configuration: configuration))
    }
    #expect(error?.code == .artifactMissing)
  }

  @Test("an artifact that is corrupt in the store is an error after some attempts")
  func corrupt() throws {
    let content = Self.content(500)
    let digest = try store.put(content)
    try Data(count: 500).write(to: store.url(for: digest))
    let error = #expect(throws: MessagingError.self) {
      try run(Download(digest, configuration: configuration))
    }
    #expect(error?.code == .artifactCorrupt)
  }

  @Test("an upload whose beginning was corrupted on the way is made again")
  func corruptUpload() throws {
    let content = Self.content(500)
    _ = try store.append(Data(count: 100), to: Digest(of: content), at: 0, total: 500)
    #expect(try run(Upload(content, configuration: configuration)).outcome == Digest(of: content))
    #expect(try store.data(for: Digest(of: content)) == content)
  }

  @Test("a coordinator that cannot write says why")
  func unavailable() throws {
    let content = Self.content(500)
    try FileManager.default.createSymbolicLink(
      at: store.folder.appending(path: "incoming/\(Digest(of: content).hex).part"),
      withDestinationURL: URL(filePath: "/dev/full"))
    let error = #expect(throws: MessagingError.self) {
      try run(Upload(content, configuration: configuration))
    }
    #expect(error?.code == .artifactUnavailable)
    #expect(error?.message.contains("No space left") == true)
  }

  @Test("only fetch and store are answered")
  func others() {
    var random = RandomMessages(seed: 3)
    for message in random.workerMessages() {
      switch message {
      case .fetch, .store: #expect(server.reply(to: message) != nil)
      default: #expect(server.reply(to: message) == nil)
      }
    }
  }
}
