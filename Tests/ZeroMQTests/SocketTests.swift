import Foundation
import TestSupport
import Testing
import ZeroMQ

@Suite("Sockets", .tags(.system), .timeLimit(.minutes(1)))
struct SocketTests {
  let context: Context

  init() throws { context = try Context() }

  static func ipc() throws -> Endpoint {
    try .ipc(path: "/tmp/espalier-test-\(UUID().uuidString.prefix(8)).sock")
  }

  @Test("frames cross every transport whole", arguments: ["ipc", "tcp", "inproc"])
  func frames(transport: String) throws {
    let endpoint =
      switch transport {
      case "ipc": try Self.ipc()
      case "tcp": try Endpoint("tcp://127.0.0.1:*")
      default: try Endpoint("inproc://frames")
      }
    let router = try Socket(.router, in: context)
    try router.bind(endpoint)
    var options = SocketOptions()
    options.identity = Data("peer".utf8)
    let dealer = try Socket(.dealer, in: context, options: options)
    try dealer.connect(router.boundEndpoints[0])
    let frames = [Data("first".utf8), Data(), Data(count: 1 << 20)]
    try dealer.send(frames)
    #expect(try router.wait(for: .receive, timeout: .seconds(10)) == .receive)
    #expect(try router.receive() == [Data("peer".utf8)] + frames)
    #expect(try router.receive() == nil)
    try router.send([Data("peer".utf8), Data("back".utf8)])
    #expect(try dealer.wait(for: .receive, timeout: .seconds(10)) == .receive)
    #expect(try dealer.receive() == [Data("back".utf8)])
  }

  @Test("a second listener is refused by name", arguments: ["ipc", "tcp", "inproc"])
  func addressInUse(transport: String) throws {
    let endpoint =
      switch transport {
      case "ipc": try Self.ipc()
      case "tcp": try Endpoint("tcp://127.0.0.1:*")
      default: try Endpoint("inproc://twice")
      }
    let first = try Socket(.router, in: context)
    try first.bind(endpoint)
    let bound = first.boundEndpoints[0]
    let second = try Socket(.router, in: context)
    let error = #expect(throws: ZeroMQError.self) { try second.bind(bound) }
    #expect(error?.code == .addressInUse)
    #expect(error?.message.contains(bound.description) == true)
    #expect(error?.message.contains("choose another") == true)
  }

  @Test("the file a killed listener left is replaced, and nobody answers there before")
  func staleFile() throws {
    let endpoint = try Self.ipc()
    #expect(endpoint.isAnswering == false)
    try Data().write(to: URL(filePath: endpoint.address))
    #expect(endpoint.isAnswering == false)
    let socket = try Socket(.router, in: context)
    try socket.bind(endpoint)
    #expect(endpoint.isAnswering == true)
  }

  @Test("a message for an absent peer is an error")
  func unreachable() throws {
    let router = try Socket(.router, in: context)
    try router.bind(try Self.ipc())
    let error = #expect(throws: ZeroMQError.self) { try router.send([Data([1]), Data()]) }
    #expect(error?.code == .unreachablePeer)
  }

  @Test("waiting ends with the timeout")
  func timeout() throws {
    let router = try Socket(.router, in: context)
    let start = ContinuousClock.now
    #expect(try router.wait(for: .receive, timeout: .milliseconds(50)) == [])
    #expect(start.duration(to: .now) >= .milliseconds(50))
  }
}
