import Digests
import Foundation

/// The stages of a sweep, in order.
public enum Stage: String, Sendable, Hashable, Codable, CaseIterable {
  /// Pairs of tiles of the kernel matrices → nHSIC.
  case scores
  /// Input Grams of the layers that read prunable channels.
  case statistics
  /// Removal order, error at every width and sensitivity of each group.
  case reconstruction
  /// Widths for each device.
  case allocation
  /// Surgery, least squares and BatchNorm statistics of each plan.
  case surgery
  /// Correct answers on shards of the evaluation set.
  case evaluation
}

/// One computation of a stage, as a plain value: what it depends on and how it is done.
///
/// Everything it depends on is in its fields, large inputs as digests of artifacts. A job's key is
/// the digest of these fields, so equal computations are one job, across sweeps and restarts.
public protocol JobComputation: Codable, Sendable {
  /// What a completed job says in the database.
  associatedtype Summary: Codable & Sendable

  static var stage: Stage { get }
  /// Names the kind of computation in keys and on the wire; its number changes with its meaning.
  static var kind: String { get }

  func compute(on bench: Workbench) async throws -> Outcome<Summary>
}

/// What a computation gives: a few numbers and the artifacts it made.
public struct Outcome<Summary: Codable & Sendable>: Sendable {
  public var summary: Summary
  public var artifacts: [Digest]

  public init(_ summary: Summary, artifacts: [Digest] = []) {
    self.summary = summary
    self.artifacts = artifacts
  }
}

/// A summary where there is nothing to say.
public struct NoSummary: Codable, Sendable { public init() {} }

/// A result as it travels and is stored.
public struct JobOutput: Sendable, Hashable {
  /// JSON of the computation's summary.
  public var summary: Data
  public var artifacts: [Digest]

  public init(summary: Data, artifacts: [Digest]) {
    self.summary = summary
    self.artifacts = artifacts
  }
}

/// A computation made ready to be queued.
public struct Job: Sendable, Hashable {
  public let key: Digest
  public let stage: Stage
  /// For people: "tiles (3, 7)".
  public let label: String
  /// JSON: the kind and the computation's fields.
  public let payload: Data
  /// Estimated work in multiply–accumulates, for progress and ETA.
  public let weight: Double
  /// Whether the coordinator does it itself: sums of what workers sent.
  public let isReduction: Bool

  public init<Computation: JobComputation>(
    _ computation: Computation, label: String, weight: Double, isReduction: Bool = false
  ) throws {
    payload = try CanonicalJSON.encode(
      JobPayload(kind: Computation.kind, computation: computation))
    key = Digest(of: payload)
    stage = Computation.stage
    self.label = label
    self.weight = weight
    self.isReduction = isReduction
  }

  /// Runs a payload on a bench.
  ///
  /// - Throws: ``PipelineError`` with `unknownJob` for a kind this program does not have; whatever
  ///   the computation throws.
  public static func run(payload: Data, on bench: Workbench) async throws -> JobOutput {
    struct Kind: Decodable { var kind: String }
    let kind = try CanonicalJSON.decode(Kind.self, from: payload).kind
    guard let type = kinds[kind] else {
      throw PipelineError(
        .unknownJob, "this worker has no job kind '\(kind)': start one of the coordinator's version"
      )
    }
    return try await run(type, payload, on: bench)
  }

  private static func run<Computation: JobComputation>(
    _ type: Computation.Type, _ payload: Data, on bench: Workbench
  ) async throws -> JobOutput {
    let computation = try CanonicalJSON.decode(JobPayload<Computation>.self, from: payload)
    let outcome = try await computation.computation.compute(on: bench)
    return JobOutput(
      summary: try CanonicalJSON.encode(outcome.summary), artifacts: outcome.artifacts)
  }

  private static let kinds: [String: any JobComputation.Type] = {
    let all: [any JobComputation.Type] = [
      KernelMeasurement.self, TilePairScores.self, ScoreSum.self, InputGrams.self, GramSum.self,
      GroupOrder.self,
      AllocationTables.self, DeviceAllocation.self, PlanSurgery.self, ShardEvaluation.self,
      LatencyEvaluation.self,
    ]
    return Dictionary(uniqueKeysWithValues: all.map { ($0.kind, $0) })
  }()
}

struct JobPayload<Computation: Codable>: Codable {
  var kind: String
  var computation: Computation
}

/// A sweep that cannot be run, or a job that cannot be done.
public struct PipelineError: Error, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// The model, the data or the recipe do not fit each other: the user must change something.
    case invalidInput
    case unknownJob
    case corruptArtifact
  }

  public let code: Code
  /// What failed, on what, and what to do.
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
