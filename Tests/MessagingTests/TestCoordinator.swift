import Digests
import Foundation
import Messaging
import ZeroMQ

/// The least a coordinator does: serves artifacts, welcomes workers, answers requests.
final class TestCoordinator: Sendable {
  let link: CoordinatorLink
  let store: ArtifactStore
  private let loop: Task<Void, Never>

  /// - Parameter quitAfter: Transfer messages served before the coordinator "dies".
  init(
    on endpoints: [Endpoint], in context: Context, store: ArtifactStore, quitAfter: Int = .max
  ) throws {
    let link = try CoordinatorLink(listeningOn: endpoints, in: context)
    self.link = link
    self.store = store
    let server = ArtifactServer(store: store)
    let (events, continuation) = AsyncStream<CoordinatorLink.Event>.makeStream()
    loop = Task {
      var served = 0
      for await event in link.events {
        do {
          switch event {
          case .worker(let peer, let message):
            if let reply = server.reply(to: message) {
              served += 1
              if served > quitAfter { return link.close() }
              try link.send(reply, to: peer)
            } else {
              if case .hello = message {
                try link.send(
                  .welcome(heartbeatInterval: .seconds(1), leaseDuration: .seconds(5)), to: peer)
              }
              continuation.yield(event)
            }
          case .control(let peer, let number, .status):
            try link.reply(.ok(Data("{}".utf8)), to: peer, requestID: number)
          case .control(let peer, let number, .cancel(let sweep)):
            try link.reply(
              .failed(code: "unknownSweep", message: "no sweep '\(sweep)'"), to: peer,
              requestID: number)
          case .control: break
          case .unreachable: continuation.yield(event)
          }
        } catch {
          continuation.finish()
        }
      }
      continuation.finish()
    }
    self.events = events
  }

  /// What is not about artifacts or control.
  let events: AsyncStream<CoordinatorLink.Event>

  /// Returns when the coordinator has quit by itself.
  func end() async { await loop.value }

  func close() { link.close() }

  static func store() throws -> ArtifactStore {
    try ArtifactStore(
      folder: FileManager.default.temporaryDirectory
        .appending(path: "coordinator-\(UUID().uuidString)"))
  }

  static func ipc() throws -> Endpoint {
    try .ipc(path: "/tmp/espalier-test-\(UUID().uuidString.prefix(8)).sock")
  }
}

extension WorkerHello {
  static func test(_ name: String) -> WorkerHello {
    WorkerHello(
      workerID: name, processID: 1, host: "here",
      backend: .init(name: "reference", version: "1", instructionSet: "none"), threads: 1,
      credits: 1)
  }
}
