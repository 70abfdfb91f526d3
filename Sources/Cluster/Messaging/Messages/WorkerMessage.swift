import Digests
import Foundation

/// One attempt of one job; completion is fenced by both numbers.
public struct JobReference: Hashable, Sendable, CustomStringConvertible {
  /// Row of the job in the database.
  public let id: Int64
  /// Which attempt this is, from 1.
  public let attempt: Int

  public init(id: Int64, attempt: Int) {
    self.id = id
    self.attempt = attempt
  }

  public var description: String { "job \(id), attempt \(attempt)" }
}

/// How a worker introduces itself.
public struct WorkerHello: Hashable, Sendable {
  /// Name of the worker, the same for the life of its process.
  public var workerID: String
  /// Version of the protocol the worker speaks.
  public var protocolVersion: Int
  /// Operating system's number of the worker's process.
  public var processID: Int32
  /// Name of the machine the worker runs on.
  public var host: String
  public var backend: Backend
  /// Threads the worker computes with.
  public var threads: Int
  /// Portions of jobs the worker holds at most at one time.
  public var credits: Int
  /// Workers that say the same here can share memory; empty for one that cannot.
  public var neighbourhood: String
  /// What the worker may hold for its jobs, in bytes.
  public var memory: Int

  /// What a worker computes with: part of what results are bit-identical for.
  public struct Backend: Hashable, Sendable {
    /// Such as `oneDNN`.
    public var name: String
    /// Such as `2.6.3`.
    public var version: String
    /// Widest instruction set in use, such as `AVX-512`.
    public var instructionSet: String

    public init(name: String, version: String, instructionSet: String) {
      self.name = name
      self.version = version
      self.instructionSet = instructionSet
    }
  }

  public init(
    workerID: String, processID: Int32, host: String, backend: Backend, threads: Int, credits: Int,
    neighbourhood: String = "", memory: Int = 0, protocolVersion: Int = ProtocolVersion.current
  ) {
    self.workerID = workerID
    self.protocolVersion = protocolVersion
    self.processID = processID
    self.host = host
    self.backend = backend
    self.threads = threads
    self.credits = credits
    self.neighbourhood = neighbourhood
    self.memory = memory
  }
}

/// What a worker's process has used so far.
public struct WorkerUsage: Hashable, Sendable {
  /// Memory it takes, in bytes; 0 if it does not know.
  public var memory: Int
  /// Images that networks have run on.
  public var images: Int

  public init(memory: Int = 0, images: Int = 0) {
    self.memory = memory
    self.images = images
  }
}

/// Jobs that a worker computes together.
public struct JobsUnderway: Hashable, Sendable {
  public var jobs: [JobReference]
  /// How much of them is done, from 0 to 1.
  public var share: Double

  public init(_ jobs: [JobReference] = [], share: Double = 0) {
    self.jobs = jobs
    self.share = share
  }
}

/// How worker processes end, for those who start them.
public enum WorkerExit {
  /// The coordinator will not have it: another of the same program would be refused, too.
  public static let refused: Int32 = 78
}

/// What a worker says to the coordinator.
public enum WorkerMessage: Hashable, Sendable {
  /// First words, and again after the coordinator restarted (``WorkerLink`` repeats them itself).
  case hello(WorkerHello)
  /// The worker lives, and still has these jobs: renews their leases.
  case heartbeat(
    [JobReference], WorkerUsage = WorkerUsage(), underway: JobsUnderway = JobsUnderway())
  /// Asks for `length` bytes of an artifact at most, from byte `offset` on.
  case fetch(Digest, offset: Int, length: Int)
  /// Offers `bytes` at `offset` of an artifact of `total` bytes; without bytes, asks how far it is.
  case store(Digest, offset: Int, total: Int, bytes: Data)
  /// A job's result: the JSON of its stage, and the artifacts it made, already stored unless they are
  /// enclosed.
  case completed(JobReference, summary: Data, artifacts: [Digest], enclosed: [Data] = [])
  case failed(JobReference, code: String, message: String, retryable: Bool)
  /// The worker leaves; jobs it still held may be given to others at once.
  case goodbye
}
