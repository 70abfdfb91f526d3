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
  /// Surgery, least squares and BatchNorm statistics of each plan; joint training.
  case surgery
  /// A user's own fine-tuning, where one is asked for.
  case recovery
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

  /// Shards whose activations the computation needs: those of one pass that share some are better
  /// done by one worker.
  var shards: [Digest] { get }

  func compute(on bench: Workbench) async throws -> Outcome<Summary>

  /// What computations have in common that one pass over the data does together; nil for one that is
  /// done by itself.
  var pass: Digest? { get }

  /// How much there is to do for it beside what its pass does for all, in any unit of the pass.
  var load: Double { get }

  /// Whether workers of one machine can make a pass together.
  static var makesGangs: Bool { get }

  /// Whether it is done sooner by more threads than a worker has.
  static var scalesWithThreads: Bool { get }

  /// How many computations of one pass a bench should do together, from the first on.
  static func companions(among computations: [Self], on bench: Workbench) async throws -> Int

  /// Does computations of one pass together: each gives what it gives alone.
  ///
  /// - Throws: What keeps all of them from being done.
  static func compute(
    _ computations: [Self], on bench: Workbench
  ) async throws -> [Result<Outcome<Summary>, any Error>]

  /// How many computations each member of a gang should do at a time, so that everybody's memory
  /// suffices; 0 where they are better done apart.
  ///
  /// - Parameters:
  ///   - portions: By member, all of one pass.
  ///   - memory: Of a member, in bytes.
  ///   - threads: Of a member.
  static func passSize(
    of portions: [[Self]], memory: Int, threads: Int, on bench: Workbench
  ) async throws -> Int

  /// Does this member's computations while others do theirs in the same pass.
  ///
  /// - Throws: What keeps the gang from doing them; each member does them alone then.
  static func compute(
    _ pass: GangPass<Self>, on bench: Workbench
  ) async throws -> [Result<Outcome<Summary>, any Error>]

  /// Checks what a worker says it computed, cheaply: shapes, names and counts, not the numbers.
  ///
  /// - Throws: Whatever says that this is no result of this computation.
  func validate(_ outcome: Outcome<Summary>, on bench: Workbench) async throws
}

extension JobComputation {
  public var shards: [Digest] { [] }
  public var pass: Digest? { nil }
  public var load: Double { 1 }
  public static var makesGangs: Bool { false }
  public static var scalesWithThreads: Bool { false }

  public static func companions(
    among computations: [Self], on bench: Workbench
  ) async throws -> Int { 1 }

  public static func passSize(
    of portions: [[Self]], memory: Int, threads: Int, on bench: Workbench
  ) async throws -> Int { 0 }

  public static func compute(
    _ pass: GangPass<Self>, on bench: Workbench
  ) async throws -> [Result<Outcome<Summary>, any Error>] {
    try await compute(pass.own, on: bench)
  }

  public static func compute(
    _ computations: [Self], on bench: Workbench
  ) async throws -> [Result<Outcome<Summary>, any Error>] {
    await computations.results { try await $0.compute(on: bench) }
  }
}

extension Sequence {
  /// What is made of each element, in their order: one that fails takes no others with it.
  func results<Value>(
    of body: (Element) async throws -> Value
  ) async -> [Result<Value, any Error>] {
    var results: [Result<Value, any Error>] = []
    for element in self {
      do {
        results.append(.success(try await body(element)))
      } catch {
        results.append(.failure(error))
      }
    }
    return results
  }
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
  /// Jobs of one number help only together: nothing follows from some of them.
  public internal(set) var cohort = 0

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
    try await JobRequest.run([JobRequest(payload: payload)], on: bench)[0].get()
  }

  static let kinds: [String: any JobComputation.Type] = {
    let all: [any JobComputation.Type] = [
      KernelMeasurement.self, TilePairScores.self, ScoreSum.self, InputGrams.self, GramSum.self,
      GroupOrder.self, AllocationTables.self, DeviceAllocations.self, PlanCosts.self,
      PlanSurgery.self, JointTraining.self, ExternalRecovery.self, ShardEvaluation.self,
      LatencyEvaluation.self,
    ]
    return Dictionary(uniqueKeysWithValues: all.map { ($0.kind, $0) })
  }()
}

struct JobPayload<Computation: Codable>: Codable {
  var kind: String
  var computation: Computation
}
