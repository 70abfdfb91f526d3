import Digests
import Foundation

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

  init(_ results: Results) { self.results = results }

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
    let job = try Job(computation, label: label, weight: weight, isReduction: isReduction)
    if let output = results.outputs[job.key] {
      let summary = try CanonicalJSON.decode(Computation.Summary.self, from: output.summary)
      return .success(Outcome(summary, artifacts: output.artifacts))
    }
    if let reason = results.failures[job.key] { return .failure(reason) }
    ask([job])
    return nil
  }

  /// Notes jobs that are known to have no answer.
  mutating func ask(_ jobs: [Job]) {
    for job in jobs where keys.insert(job.key).inserted { missing.append(job) }
  }
}

/// What became of a computation.
enum Attempt<Summary: Codable & Sendable> {
  case success(Outcome<Summary>)
  case failure(JobFailureReason)
}
