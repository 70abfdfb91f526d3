import CoordinatorService
import Messaging
import Pipeline
import ZeroMQ

/// What the coordinator says, asked once in a while.
actor CoordinatorWatch {
  private let folder: StateFolder
  private var known: CoordinatorStatus?
  private var asked = ContinuousClock.now - .seconds(60)
  private var completed = 0
  private var client: ControlClient?

  init(folder: StateFolder) { self.folder = folder }

  /// As of a second or two ago, or before where the coordinator is busy; nil where none runs.
  ///
  /// - Parameter completed: Jobs that are known to be; with others, what was under way is not any more.
  func latest(asOf completed: Int) async -> CoordinatorStatus? {
    guard ContinuousClock.now - asked > .seconds(2) || completed != self.completed else {
      return known
    }
    (asked, self.completed) = (.now, completed)
    guard StateLock.holder(of: folder) != nil else {
      known = nil
      return nil
    }
    guard let client = try? client ?? dial(),
      case .ok(let data)? = try? await client.request(.status, timeout: .seconds(1))
    else { return known }
    known = try? CanonicalJSON.decode(CoordinatorStatus.self, from: data)
    return known
  }

  private func dial() throws -> ControlClient {
    let client = try ControlClient(to: try folder.endpoint(), in: Context())
    self.client = client
    return client
  }
}
