import Digests
import Foundation
import TestSupport
import Testing
import ZeroMQ

@testable import Messaging

@Suite("Artifacts over sockets", .tags(.system), .timeLimit(.minutes(2)))
struct ArtifactTransferTests {
  let context: Context
  let store: ArtifactStore

  init() throws {
    context = try Context()
    store = try TestCoordinator.store()
  }

  /// 50 MB that compress badly and cost little to make.
  static let large: Data = {
    var generator = SeededGenerator(seed: 50)
    var data = Data(capacity: 50_000_000)
    let block = Data((0..<100_000).map { _ in UInt8.random(in: 0...255, using: &generator) })
    for number in 0..<500 {
      data.append(block)
      data[data.count - 1] = UInt8(truncatingIfNeeded: number)
    }
    return data
  }()

  @Test("50 MB cross each way with their digest", arguments: ["ipc", "inproc", "tcp"])
  func large(transport: String) async throws {
    let coordinator = try TestCoordinator(
      on: [LinkTests.endpoint(transport)], in: context, store: store)
    let worker = try WorkerLink(to: coordinator.link.endpoints[0], in: context)
    let digest = Digest(of: Self.large)
    let start = ContinuousClock.now
    #expect(try await worker.store(Self.large) == digest)
    let stored = ContinuousClock.now
    #expect(try await worker.fetch(digest) == Self.large)
    let (up, down) = (start.duration(to: stored), stored.duration(to: .now))
    print("50 MB over \(transport): up \(up), down \(down)")
    worker.close()
    coordinator.close()
  }

  @Test("a coordinator that dies in the middle and comes back is served the rest")
  func restart() async throws {
    let endpoint = try TestCoordinator.ipc()
    let first = try TestCoordinator(on: [endpoint], in: context, store: store, quitAfter: 6)
    var configuration = TransferConfiguration()
    configuration.retryInterval = .milliseconds(200)
    configuration.chunkSize = 1 << 20
    let worker = try WorkerLink(to: endpoint, in: context, configuration: configuration)
    let upload = Task { try await worker.store(Self.large) }
    await first.end()
    #expect(!store.contains(Digest(of: Self.large)))
    let second = try TestCoordinator(
      on: [endpoint], in: context, store: try ArtifactStore(folder: store.folder))
    #expect(try await upload.value == Digest(of: Self.large))
    second.close()
    await second.end()
    // Its own count: how often a busy machine asked again before does not matter.
    let third = try TestCoordinator(on: [endpoint], in: context, store: store, quitAfter: 10)
    let download = Task { try await worker.fetch(Digest(of: Self.large)) }
    await third.end()
    let fourth = try TestCoordinator(on: [endpoint], in: context, store: store)
    #expect(try await download.value == Self.large)
    worker.close()
    fourth.close()
  }

  @Test("two workers bring and take the same and different artifacts at once")
  func twoWorkers() async throws {
    let coordinator = try TestCoordinator(
      on: [TestCoordinator.ipc()], in: context, store: store)
    let endpoint = coordinator.link.endpoints[0]
    let context = context
    try await withThrowingTaskGroup { group in
      for number in 0..<2 {
        group.addTask {
          var configuration = TransferConfiguration()
          configuration.chunkSize = 64 << 10
          let worker = try WorkerLink(to: endpoint, in: context, configuration: configuration)
          let shared = Self.large.prefix(5_000_000)
          let own = Self.large.dropFirst(1000 * (number + 1)).prefix(3_000_000)
          async let first = worker.store(shared)
          async let second = worker.store(own)
          let digests = try await (first, second)
          #expect(try await worker.fetch(digests.0) == shared)
          #expect(try await worker.fetch(digests.1) == own)
          worker.close()
        }
      }
      try await group.waitForAll()
    }
    coordinator.close()
  }

  @Test("nobody there is an error after the patience has run out")
  func patience() async throws {
    var configuration = TransferConfiguration()
    configuration.retryInterval = .milliseconds(50)
    configuration.patience = .milliseconds(300)
    let endpoint = try TestCoordinator.ipc()
    let worker = try WorkerLink(to: endpoint, in: context, configuration: configuration)
    let error = await #expect(throws: MessagingError.self) {
      try await worker.fetch(Digest(of: Data()))
    }
    #expect(error?.code == .unreachable)
    #expect(error?.isRetryable == true)
    #expect(error?.message.contains(endpoint.description) == true)
    worker.close()
  }

  @Test("cancelling a task and closing the link end a transfer")
  func ends() async throws {
    let worker = try WorkerLink(to: try TestCoordinator.ipc(), in: context)
    let cancelled = Task { try await worker.fetch(Digest(of: Data())) }
    cancelled.cancel()
    await #expect(throws: CancellationError.self) { try await cancelled.value }
    let closed = Task { try await worker.store(Data([1])) }
    try await Task.sleep(for: .milliseconds(50))
    worker.close()
    let error = await #expect(throws: MessagingError.self) { try await closed.value }
    #expect(error?.code == .closed)
    let late = await #expect(throws: MessagingError.self) {
      try await worker.fetch(Digest(of: Data()))
    }
    #expect(late?.code == .closed)
  }
}
