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
  /// Jobs to compute: one, or some that one pass over the data does, perhaps with other workers, or
  /// with some threads of neighbours that have no work.
  case assign([JobAssignment], with: GangAssignment? = nil, lentThreads: Int = 0)
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

/// A job that a worker is given.
public struct JobAssignment: Hashable, Sendable {
  public var job: JobReference
  public var stage: String
  /// What the job is, for people.
  public var label: String
  /// The stage's JSON.
  public var payload: Data

  public init(job: JobReference, stage: String, label: String, payload: Data) {
    self.job = job
    self.stage = stage
    self.label = label
    self.payload = payload
  }
}

/// Workers that make one pass over the data together, each for its own portion of jobs.
public struct GangAssignment: Hashable, Sendable {
  /// Of this gang and no other, ever.
  public var name: String
  /// Which of the members the worker is.
  public var place: Int
  /// Payloads of what each member is to compute, the worker itself included.
  public var portions: [[Data]]
  /// What each member may hold, in bytes.
  public var memory: Int
  /// Threads of each member, at most.
  public var threads: Int

  public init(name: String, place: Int, portions: [[Data]], memory: Int, threads: Int) {
    self.name = name
    self.place = place
    self.portions = portions
    self.memory = memory
    self.threads = threads
  }
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
