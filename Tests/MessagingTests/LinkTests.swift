import Digests
import Foundation
import SwiftProtobuf
import TestSupport
import Testing
import ZeroMQ

@testable import Messaging

@Suite("Links", .tags(.system), .timeLimit(.minutes(2)))
struct LinkTests {
  let context: Context

  init() throws { context = try Context() }

  static func endpoint(_ transport: String) throws -> Endpoint {
    switch transport {
    case "ipc": try TestCoordinator.ipc()
    case "tcp": try Endpoint("tcp://127.0.0.1:*")
    default: try Endpoint("inproc://coordinator")
    }
  }

  @Test("a worker is welcomed, gets a job and completes it", arguments: ["ipc", "tcp", "inproc"])
  func session(transport: String) async throws {
    let link = try CoordinatorLink(listeningOn: [Self.endpoint(transport)], in: context)
    let worker = try WorkerLink(to: link.endpoints[0], in: context)
    var events = link.events.makeAsyncIterator()
    var messages = worker.messages.makeAsyncIterator()
    let job = JobReference(id: 17, attempt: 2)

    try worker.send(.hello(.test("a")))
    guard case .worker(let peer, .hello(.test("a"))) = await events.next() else {
      Issue.record("no hello")
      return
    }
    let assignment = CoordinatorMessage.assign([
      JobAssignment(job: job, stage: "score", label: "images 0…99", payload: Data("{}".utf8))
    ])
    try link.send(assignment, to: peer)
    #expect(await messages.next() == assignment)
    let result = WorkerMessage.completed(job, summary: Data("{}".utf8), artifacts: [])
    try worker.send(result)
    #expect(await events.next() == .worker(peer, result))
    try link.send(.acknowledged(job, accepted: true), to: peer)
    #expect(await messages.next() == .acknowledged(job, accepted: true))
    worker.close()
    #expect(await messages.next() == nil)
    link.close()
    #expect(await events.next() == nil)
  }

  @Test("one coordinator listens on several endpoints at once")
  func severalEndpoints() async throws {
    let endpoints = try ["ipc", "tcp", "inproc"].map { try Self.endpoint($0) }
    let coordinator = try TestCoordinator(
      on: endpoints, in: context, store: TestCoordinator.store())
    let digest = try coordinator.store.put(TransferTests.content(1000))
    for endpoint in coordinator.link.endpoints {
      let worker = try WorkerLink(to: endpoint, in: context)
      #expect(try await worker.fetch(digest) == TransferTests.content(1000))
      worker.close()
    }
    coordinator.close()
  }

  @Test("garbage is counted and answered, and the next worker is served")
  func garbage() async throws {
    let coordinator = try TestCoordinator(
      on: [TestCoordinator.ipc()], in: context, store: TestCoordinator.store())
    let endpoint = coordinator.link.endpoints[0]
    let raw = try Socket(.dealer, in: context)
    try raw.connect(endpoint)
    var random = RandomMessages(seed: 11)
    for _ in 0..<200 { try raw.send([random.data()]) }
    try raw.send([Data(), Data("GET / HTTP/1.1".utf8)])
    try raw.send([try Envelope.coordinator(.drain).encoded()])
    #expect(try raw.wait(for: .receive, timeout: .seconds(10)) == .receive)
    let answer = try #require(try raw.receive())
    guard case .coordinator(.refused) = try Envelope(decoding: answer[0]) else {
      Issue.record("garbage was not refused")
      return
    }
    let worker = try WorkerLink(to: endpoint, in: context)
    #expect(
      try await worker.store(Data("still alive".utf8)) == Digest(of: Data("still alive".utf8)))
    #expect(coordinator.link.malformedMessages == 202)
    worker.close()
    coordinator.close()
  }

  @Test("a worker introduces itself to a coordinator that restarted")
  func introduction() async throws {
    let endpoint = try TestCoordinator.ipc()
    let worker = try WorkerLink(to: endpoint, in: context)
    try worker.send(.hello(.test("a")))
    // One heartbeat alone may go into the connection that is just being lost.
    let heart = Task {
      while !Task.isCancelled {
        try worker.send(.heartbeat([]))
        try await Task.sleep(for: .milliseconds(100))
      }
    }
    for _ in 0..<3 {
      let link = try CoordinatorLink(listeningOn: [endpoint], in: context)
      for await event in link.events {
        if case .worker(_, .hello(.test("a"))) = event { break }
      }
      link.close()
    }
    heart.cancel()
    worker.close()
  }

  @Test("a message for a worker that is gone comes back as an event")
  func unreachable() async throws {
    let link = try CoordinatorLink(listeningOn: [TestCoordinator.ipc()], in: context)
    let worker = try WorkerLink(to: link.endpoints[0], in: context)
    try worker.send(.goodbye)
    var events = link.events.makeAsyncIterator()
    guard case .worker(let peer, .goodbye) = await events.next() else {
      Issue.record("no goodbye")
      return
    }
    worker.close()
    // The coordinator's socket learns of it a moment later; what is sent before is lost.
    let sender = Task {
      while !Task.isCancelled {
        try link.send(.drain, to: peer)
        try await Task.sleep(for: .milliseconds(20))
      }
    }
    #expect(await events.next() == .unreachable(peer))
    sender.cancel()
    link.close()
  }

  @Test("a worker in another version is told so")
  func otherVersion() async throws {
    let coordinator = try TestCoordinator(
      on: [TestCoordinator.ipc()], in: context, store: TestCoordinator.store())
    var schema = SchemaEnvelope()
    schema.protocolVersion = 9
    schema.worker.goodbye = .init()
    let raw = try Socket(.dealer, in: context)
    try raw.connect(coordinator.link.endpoints[0])
    try raw.send([try schema.serializedBytes()])
    #expect(try raw.wait(for: .receive, timeout: .seconds(10)) == .receive)
    let answer = try #require(try raw.receive())
    guard case .coordinator(.refused(let reason)) = try Envelope(decoding: answer[0]) else {
      Issue.record("version 9 was not refused")
      return
    }
    #expect(reason.contains("version 9"))
    coordinator.close()
  }
}
