import Digests
import Foundation
import Importance

/// What is known of a sweep's jobs: results by key, and failures for good.
public struct Results: Sendable {
  public var outputs: [Digest: JobOutput]
  /// Discarded jobs: why.
  public var failures: [Digest: JobFailureReason]

  public init(
    outputs: [Digest: JobOutput] = [:], failures: [Digest: JobFailureReason] = [:]
  ) {
    self.outputs = outputs
    self.failures = failures
  }

  /// Whether a job has an answer, of either kind.
  func knows(_ key: Digest) -> Bool { outputs[key] != nil || failures[key] != nil }
}

/// Why a job was given up.
public struct JobFailureReason: Sendable, Hashable, Codable {
  public var code: String
  public var message: String

  public init(code: String, message: String) {
    self.code = code
    self.message = message
  }
}

/// What whole stages came to, so that a walk need not work it out from their jobs again.
///
/// It follows from the results alone: a walk without it comes to the same, only later.
struct Conclusions: Sendable {
  var scores: ImportanceScores?
  var grams: CalibrationGrams?
  var orders: [Int: GroupOrder.Summary]?
  /// Jobs whose results no walk asks for any more.
  fileprivate var spent: [Digest] = []

  /// Jobs whose results no walk asks for any more, each once.
  mutating func takeSpent() -> [Digest] {
    defer { spent = [] }
    return spent
  }
}

/// Collects the jobs that stand between what is known and what is wanted.
///
/// A stage asks for the outcome of a computation; it gets it, or nil while the job is still to be
/// done. Asking twice is asking once: jobs are told apart by key.
struct Inquiry {
  let results: Results
  /// Jobs whose results were asked for and are not there, in order of asking.
  private(set) var missing: [Job] = []
  private(set) var keys: Set<Digest> = []
  /// The first failure among jobs that the whole sweep needs.
  private(set) var failure: JobFailureReason?
  private(set) var conclusions: Conclusions
  /// Jobs whose results were used, in order of asking.
  private var used: [Digest] = []
  private var cohorts = 0
  private var isTogether = false

  init(_ results: Results, _ conclusions: Conclusions = Conclusions()) {
    self.results = results
    self.conclusions = conclusions
  }

  /// What a stage comes to. Known once, it is not worked out from its jobs again.
  mutating func conclusion<Value>(
    _ place: WritableKeyPath<Conclusions, Value?>,
    _ body: (inout Inquiry) throws -> Value?
  ) rethrows -> Value? {
    if let known = conclusions[keyPath: place] { return known }
    let start = used.count
    let value = try together(body)
    if let value {
      conclusions[keyPath: place] = value
      conclusions.spent += used[start...]
    }
    return value
  }

  /// The jobs that `body` asks for help only together.
  mutating func together<Value>(_ body: (inout Inquiry) throws -> Value) rethrows -> Value {
    let outer = isTogether
    defer { isTogether = outer }
    cohorts += 1
    isTogether = true
    return try body(&self)
  }

  /// The outcome of a computation that the whole sweep needs.
  mutating func outcome<Computation: JobComputation>(
    of computation: Computation, label: String, weight: Double, isReduction: Bool = false
  ) throws -> Outcome<Computation.Summary>? {
    switch try attempt(computation, label: label, weight: weight, isReduction: isReduction) {
    case .success(let outcome): return outcome
    case .failure(let reason):
      failure = failure ?? reason
      return nil
    case nil: return nil
    }
  }

  /// The same, for a computation that one device alone needs: its failure is an answer.
  mutating func attempt<Computation: JobComputation>(
    _ computation: Computation, label: String, weight: Double, isReduction: Bool = false
  ) throws -> Attempt<Computation.Summary>? {
    var job = try Job(computation, label: label, weight: weight, isReduction: isReduction)
    if let output = results.outputs[job.key] {
      used.append(job.key)
      let summary = try CanonicalJSON.decode(Computation.Summary.self, from: output.summary)
      return .success(Outcome(summary, artifacts: output.artifacts))
    }
    if let reason = results.failures[job.key] { return .failure(reason) }
    if keys.insert(job.key).inserted {
      if !isTogether { cohorts += 1 }
      job.cohort = cohorts
      missing.append(job)
    }
    return nil
  }

  /// Notes jobs that another inquiry found to have no answer, its cohorts as they are there.
  mutating func ask(_ jobs: [Job]) {
    let start = cohorts
    for var job in jobs where keys.insert(job.key).inserted {
      job.cohort += start
      cohorts = max(cohorts, job.cohort)
      missing.append(job)
    }
  }
}

/// What became of a computation.
enum Attempt<Summary: Codable & Sendable> {
  case success(Outcome<Summary>)
  case failure(JobFailureReason)
}
