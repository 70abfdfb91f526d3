import Foundation
import Messaging
import TestSupport
import Testing
import ZeroMQ

@Suite("Control client", .tags(.system), .timeLimit(.minutes(1)))
struct ControlClientTests {
  let context: Context

  init() throws { context = try Context() }

  @Test("answers belong to their requests", arguments: ["ipc", "tcp", "inproc"])
  func answers(transport: String) async throws {
    let coordinator = try TestCoordinator(
      on: [LinkTests.endpoint(transport)], in: context, store: TestCoordinator.store())
    let client = try ControlClient(to: coordinator.link.endpoints[0], in: context)
    try await withThrowingTaskGroup { group in
      for number in 0..<20 {
        group.addTask {
          let reply = try await client.request(.cancel(sweep: "s\(number)"))
          #expect(reply == .failed(code: "unknownSweep", message: "no sweep 's\(number)'"))
        }
      }
      try await group.waitForAll()
    }
    #expect(try await client.request(.status) == .ok(Data("{}".utf8)))
    client.close()
    coordinator.close()
  }

  @Test("no coordinator, or one that does not answer, is unreachable in time")
  func unreachable() async throws {
    let endpoint = try TestCoordinator.ipc()
    let client = try ControlClient(to: endpoint, in: context)
    for _ in 0..<2 {
      let error = await #expect(throws: MessagingError.self) {
        try await client.request(.submit(Data()), timeout: .milliseconds(100))
      }
      #expect(error?.code == .unreachable)
      #expect(error?.message.contains(endpoint.description) == true)
    }
    client.close()
  }

  @Test("a coordinator that starts meanwhile gets the request")
  func late() async throws {
    let endpoint = try TestCoordinator.ipc()
    let client = try ControlClient(to: endpoint, in: context)
    let reply = Task { try await client.request(.status, timeout: .seconds(20)) }
    try await Task.sleep(for: .milliseconds(100))
    let coordinator = try TestCoordinator(
      on: [endpoint], in: context, store: TestCoordinator.store())
    #expect(try await reply.value == .ok(Data("{}".utf8)))
    client.close()
    coordinator.close()
  }

  @Test("closing ends requests under way")
  func close() async throws {
    let client = try ControlClient(to: try TestCoordinator.ipc(), in: context)
    let request = Task { try await client.request(.status) }
    try await Task.sleep(for: .milliseconds(50))
    client.close()
    let error = await #expect(throws: MessagingError.self) { try await request.value }
    #expect(error?.code == .closed)
  }
}
