import CoordinatorService
import Messaging
import Pipeline
import ZeroMQ

/// What the workers do, asked of the coordinator once in a while.
actor WorkerWatch {
  private let folder: StateFolder
  private var known: [CoordinatorStatus.Worker] = []
  private var asked = ContinuousClock.now - .seconds(60)
  private var client: ControlClient?

  init(folder: StateFolder) { self.folder = folder }

  /// The workers as of a second or two ago; none where no coordinator answers.
  func latest() async -> [CoordinatorStatus.Worker] {
    guard ContinuousClock.now - asked > .seconds(2) else { return known }
    asked = .now
    guard StateLock.holder(of: folder) != nil, let client = try? client ?? dial(),
      case .ok(let data)? = try? await client.request(.status, timeout: .seconds(1))
    else {
      known = []
      return known
    }
    known = (try? CanonicalJSON.decode(CoordinatorStatus.self, from: data).workers) ?? []
    return known
  }

  private func dial() throws -> ControlClient {
    let client = try ControlClient(to: try folder.endpoint(), in: Context())
    self.client = client
    return client
  }
}
