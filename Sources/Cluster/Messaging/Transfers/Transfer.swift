import Digests
import Foundation

/// How artifacts travel between a worker and the coordinator.
public struct TransferConfiguration: Sendable {
  /// Largest part of an artifact in one message, in bytes; ``ArtifactServer`` sends no larger ones.
  public var chunkSize = TransferConfiguration.largestChunk
  /// Parts under way at one time.
  public var window = 4
  /// Time without progress after which parts under way count as lost.
  public var retryInterval: Duration = .seconds(2)
  /// Time without progress after which a transfer fails.
  public var patience: Duration = .seconds(120)

  /// 4 MiB: large beside a message's overhead, small beside a worker's memory.
  public static let largestChunk = 4 << 20

  public init() {}
}

/// An artifact on its way, as a pure state machine; ``WorkerLink`` carries its actions out.
protocol Transfer: Sendable {
  associatedtype Outcome: Sendable

  var digest: Digest { get }
  mutating func start() -> [TransferAction<Outcome>]
  /// The coordinator said something about the artifact.
  mutating func receive(_ message: CoordinatorMessage) -> [TransferAction<Outcome>]
  /// Parts under way are lost: nothing was heard for a retry interval.
  mutating func retry() -> [TransferAction<Outcome>]
}

enum TransferAction<Outcome: Sendable>: Sendable {
  case send(WorkerMessage)
  case finish(Outcome)
  case fail(MessagingError)
}

/// Times an artifact is transferred anew because its digest was wrong, before that is an error.
let longestCorruption = 3
