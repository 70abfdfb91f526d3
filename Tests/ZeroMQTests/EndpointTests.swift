import Foundation
import TestSupport
import Testing
import ZeroMQ

@Suite("Endpoint", .tags(.pure))
struct EndpointTests {
  @Test(
    "what is written is read",
    arguments: ["ipc:///tmp/a.sock", "tcp://127.0.0.1:5555", "tcp://*:*", "inproc://x"])
  func roundTrip(text: String) throws {
    #expect(try Endpoint(text).description == text)
  }

  @Test(
    "nonsense is refused",
    arguments: [
      "", "/tmp/a.sock", "udp://a:1", "ipc://", "tcp://host", "tcp://:1", "tcp://a:70000",
    ]
  )
  func nonsense(text: String) {
    let error = #expect(throws: ZeroMQError.self) { try Endpoint(text) }
    #expect(error?.code == .invalidEndpoint)
  }

  @Test("a path longer than a Unix socket's is refused with its length and advice")
  func longPath() throws {
    let longest = "/" + String(repeating: "a", count: Endpoint.longestPath - 1)
    #expect(try Endpoint.ipc(path: longest).address == longest)
    let error = #expect(throws: ZeroMQError.self) { try Endpoint.ipc(path: longest + "a") }
    #expect(error?.message.contains("108 bytes") == true)
    #expect(error?.message.contains("shorter state folder") == true)
  }
}
