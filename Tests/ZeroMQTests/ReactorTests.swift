import Foundation
import TestSupport
import Testing
import ZeroMQ

@Suite("Reactor", .tags(.system), .timeLimit(.minutes(1)))
struct ReactorTests {
  @Test("messages of many tasks arrive, each task's in order, and all before the socket closes")
  func manySenders() async throws {
    let context = try Context()
    let endpoint = try SocketTests.ipc()
    let router = try Socket(.router, in: context)
    try router.bind(endpoint)
    let (stream, continuation) = AsyncStream<[Data]>.makeStream()
    let receiver = try Reactor(router, name: "receiver") { event, _ in
      if case .received(let frames) = event { continuation.yield(frames) }
    }
    let dealer = try Socket(.dealer, in: context)
    try dealer.connect(endpoint)
    let sender = try Reactor(dealer, name: "sender") { _, _ in }
    await withTaskGroup { group in
      for task in 0..<8 {
        group.addTask {
          for number in 0..<500 { sender.outbox.send([Data("\(task) \(number)".utf8)]) }
        }
      }
    }
    var next = [Int](repeating: 0, count: 8)
    var count = 0
    for await frames in stream {
      let words = String(decoding: frames[1], as: UTF8.self).split(separator: " ").compactMap {
        Int($0)
      }
      #expect(words[1] == next[words[0]])
      next[words[0]] += 1
      count += 1
      if count == 4000 { break }
    }
    sender.close()
    receiver.close()
    #expect(next == [Int](repeating: 500, count: 8))
  }

  @Test("a closed reactor has freed its endpoint", arguments: ["ipc", "tcp"])
  func rebind(transport: String) throws {
    let context = try Context()
    var endpoint = try transport == "ipc" ? SocketTests.ipc() : Endpoint("tcp://127.0.0.1:*")
    for _ in 0..<20 {
      let router = try Socket(.router, in: context)
      try router.bind(endpoint)
      endpoint = router.boundEndpoints[0]
      let reactor = try Reactor(router, name: "listener") { _, _ in }
      reactor.close()
      reactor.close()
      #expect(endpoint.isAnswering != true)
    }
  }

  @Test("messages for absent peers come back, and the others go on")
  func undeliverable() async throws {
    let context = try Context()
    let router = try Socket(.router, in: context)
    try router.bind(try SocketTests.ipc())
    let (stream, continuation) = AsyncStream<[Data]>.makeStream()
    let reactor = try Reactor(router, name: "router") { event, _ in
      if case .undeliverable(let frames) = event { continuation.yield(frames) }
    }
    for number in UInt8(1)...3 { reactor.outbox.send([Data([number]), Data()]) }
    var returned: [UInt8] = []
    for await frames in stream {
      returned += frames[0]
      if returned.count == 3 { break }
    }
    #expect(returned == [1, 2, 3])
    reactor.close()
  }
}
