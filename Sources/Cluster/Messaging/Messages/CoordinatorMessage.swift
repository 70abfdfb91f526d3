import Digests
import Foundation

/// What the coordinator says to a worker.
///
/// The second half of the cases is for ``WorkerLink`` alone and never among its `messages`.
public enum CoordinatorMessage: Hashable, Sendable {
  /// Answers hello: time between heartbeats, and time after which a silent worker loses its jobs.
  /// Both are carried in whole milliseconds.
  case welcome(heartbeatInterval: Duration, leaseDuration: Duration)
  /// The coordinator will not work with this peer, or could not read what it said.
  case refused(reason: String)
  /// A job to compute: the stage's JSON, and what it is for people.
  case assign(JobReference, stage: String, label: String, payload: Data)
  /// Answers completed and failed; not accepted if another attempt was faster or the job is gone.
  case acknowledged(JobReference, accepted: Bool)
  case cancel(JobReference)
  /// Finish what you hold, then leave.
  case drain

  /// `bytes` at `offset` of an artifact of `total` bytes; answers fetch.
  case chunk(Digest, offset: Int, total: Int, bytes: Data)
  /// There is no such artifact; answers fetch.
  case missing(Digest)
  /// First byte the coordinator lacks, the artifact's size once it is stored; answers store.
  case stored(Digest, nextOffset: Int)
  /// The coordinator could not read or write the artifact; answers fetch and store.
  case unavailable(Digest, reason: String)
  /// The coordinator does not know the peer, having restarted: say hello again.
  case introduce
}

extension CoordinatorMessage {
  /// The artifact the message is about; nil if it is about jobs.
  var artifact: Digest? {
    switch self {
    case .chunk(let digest, _, _, _), .missing(let digest), .stored(let digest, _),
      .unavailable(let digest, _):
      digest
    case .welcome, .refused, .assign, .acknowledged, .cancel, .drain, .introduce: nil
    }
  }
}
