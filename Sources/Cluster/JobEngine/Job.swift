import Digests
import Foundation

/// A job to be done, named by everything its result depends on.
public struct JobSpecification: Sendable, Codable, Hashable {
  /// Same key, same result.
  public var key: Digest
  /// Which function of the pipeline computes it.
  public var stage: String
  /// For people.
  public var label: String
  /// Its inputs as JSON. The database keeps the value, not the spelling: order of keys is lost.
  public var payload: Data
  /// Estimated work in any unit that is the same for all stages of a sweep, ≥ 0.
  public var weight: Double
  /// Higher goes first.
  public var priority: Int
  /// Failures until it is discarded, 1…100.
  public var maxAttempts: Int

  public init(
    key: Digest, stage: String, label: String, payload: Data, weight: Double = 1,
    priority: Int = 0, maxAttempts: Int = 3
  ) {
    self.key = key
    self.stage = stage
    self.label = label
    self.payload = payload
    self.weight = weight
    self.priority = priority
    self.maxAttempts = maxAttempts
  }
}

/// One attempt at one job: the fence that late results fail at.
public struct JobReference: Sendable, Codable, Hashable {
  public var id: Int64
  public var attempt: Int

  public init(id: Int64, attempt: Int) {
    self.id = id
    self.attempt = attempt
  }
}

/// A job of the database.
public struct QueuedJob: Sendable, Codable, Hashable {
  public var id: Int64
  public var specification: JobSpecification
  /// Workers that were lost with it.
  public var deaths: Int

  public init(id: Int64, specification: JobSpecification, deaths: Int = 0) {
    self.id = id
    self.specification = specification
    self.deaths = deaths
  }
}

/// A job that a worker is to have.
public struct Assignment: Sendable, Codable, Hashable {
  public var job: Int64
  public var worker: String

  public init(job: Int64, worker: String) {
    self.job = job
    self.worker = worker
  }
}

/// An attempt that a worker says it holds.
public struct HeldJob: Sendable, Codable, Hashable {
  public var reference: JobReference
  public var worker: String

  public init(_ reference: JobReference, by worker: String) {
    self.reference = reference
    self.worker = worker
  }
}

/// An attempt that ended well.
public struct Completion: Sendable, Codable, Hashable {
  public var reference: JobReference
  public var worker: String
  public var result: JobResult
  /// What the result's last bits depend on: libraries and instruction set.
  public var identity: String?

  public init(
    _ reference: JobReference, by worker: String, result: JobResult, identity: String? = nil
  ) {
    self.reference = reference
    self.worker = worker
    self.result = result
    self.identity = identity
  }
}

/// What a completed job left: a small JSON summary and the names of files in the artifact store.
public struct JobResult: Sendable, Codable, Hashable {
  public var summary: Data
  public var artifacts: [Digest]

  public init(summary: Data, artifacts: [Digest] = []) {
    self.summary = summary
    self.artifacts = artifacts
  }
}

/// Why an attempt failed.
public struct JobFailure: Sendable, Codable, Hashable {
  /// An error code of the module that failed.
  public var code: String
  public var message: String

  public init(code: String, message: String) {
    self.code = code
    self.message = message
  }
}

/// What asking for jobs came to; the four add up to the different keys asked for.
public struct EnqueueOutcome: Sendable, Codable, Hashable {
  /// Never seen before.
  public var new = 0
  /// Already completed: nothing to do.
  public var reused = 0
  /// Cancelled or discarded before, now to be done.
  public var revived = 0
  /// Under way already, for this sweep or another.
  public var shared = 0

  public init(new: Int = 0, reused: Int = 0, revived: Int = 0, shared: Int = 0) {
    self.new = new
    self.reused = reused
    self.revived = revived
    self.shared = shared
  }
}

/// A sweep's jobs of one stage in one state.
public struct StageCount: Sendable, Codable, Hashable {
  public var stage: String
  public var state: JobState
  public var jobs: Int
  /// Sum of their weights.
  public var weight: Double
  /// Sum of the times the completed ones took, in seconds.
  public var seconds: Double

  public init(stage: String, state: JobState, jobs: Int, weight: Double, seconds: Double) {
    self.stage = stage
    self.state = state
    self.jobs = jobs
    self.weight = weight
    self.seconds = seconds
  }
}

/// A job of a sweep whose latest attempt failed.
public struct FailedJob: Sendable, Codable, Hashable {
  public var id: Int64
  public var key: Digest
  public var stage: String
  public var label: String
  public var state: JobState
  public var attempt: Int
  public var worker: String?
  public var failure: JobFailure
}

/// A completed job of a sweep: what was computed from what, and by whom.
public struct CompletedJob: Sendable, Codable, Hashable {
  public var key: Digest
  public var label: String
  public var payload: Data
  public var result: JobResult
  /// Who held it last; nil for a sum that the coordinator did.
  public var worker: String?
  /// The try that was counted.
  public var attempt: Int
  /// When the try that was counted began; nil for a sum that the coordinator did.
  public var startedAt: Date?
  public var finishedAt: Date
  /// It was done before the sweep was asked for.
  public var isReused: Bool
}
