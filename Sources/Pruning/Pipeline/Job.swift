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

  fileprivate static let kinds: [String: any JobComputation.Type] = {
    let all: [any JobComputation.Type] = [
      KernelMeasurement.self, TilePairScores.self, ScoreSum.self, InputGrams.self, GramSum.self,
      GroupOrder.self, AllocationTables.self, DeviceAllocations.self, PlanCosts.self,
      PlanSurgery.self, ExternalRecovery.self, ShardEvaluation.self, LatencyEvaluation.self,
    ]
    return Dictionary(uniqueKeysWithValues: all.map { ($0.kind, $0) })
  }()
}

struct JobPayload<Computation: Codable>: Codable {
  var kind: String
  var computation: Computation
}

/// A payload that was read: the computation behind it.
public struct JobRequest: Sendable {
  private let computation: any JobComputation

  /// - Throws: ``PipelineError`` with `unknownJob` for a kind this program does not have;
  ///   `DecodingError`.
  public init(payload: Data) throws {
    computation = try CanonicalJSON.decode(AnyComputation.self, from: payload).computation
    pass = computation.pass
  }

  /// Shards whose activations the computation needs.
  public var shards: [Digest] { computation.shards }

  /// What jobs have in common that are better done together; nil for one that is done by itself.
  public let pass: Digest?

  /// Whether workers of one machine can make its pass together.
  public var makesGangs: Bool { type(of: computation).makesGangs }

  /// How much there is to do for it beside what its pass does for all.
  public var load: Double { computation.load }

  /// The places of those jobs that a bench should do next and together, the first of all among them.
  public static func next(of waiting: [JobRequest], on bench: Workbench) async -> [Int] {
    guard let first = waiting.first, let pass = first.pass else { return [0] }
    let places = waiting.indices.filter { waiting[$0].pass == pass }
    let count = try? await companions(
      first.computation, places.map { waiting[$0].computation }, on: bench)
    // Whatever is wrong, the job itself will say it.
    return Array(places.prefix(max(count ?? 1, 1)))
  }

  /// Computes jobs of one pass together, or one.
  public static func run(
    _ requests: [JobRequest], on bench: Workbench
  ) async -> [Result<JobOutput, any Error>] {
    guard let first = requests.first else { return [] }
    return await run(first.computation, requests.map(\.computation), on: bench)
  }

  /// The passes that a gang makes, by places of jobs in each portion; none where its members had
  /// better work apart.
  public static func passes(of gang: Gang, on bench: Workbench) async -> [Range<Int>] {
    let all = gang.portions.flatMap(\.self)
    guard let first = all.first, let pass = first.pass, all.allSatisfy({ $0.pass == pass }),
      // Whatever is wrong, the jobs themselves will say it.
      let size = try? await passSize(first.computation, gang, on: bench), size > 0
    else { return [] }
    let longest = gang.portions.map(\.count).max() ?? 0
    return stride(from: 0, to: longest, by: size).map { $0..<$0 + size }
  }

  /// Computes a member's jobs in one of a gang's passes.
  ///
  /// - Returns: By job of this member's portion in `places`.
  /// - Throws: What keeps the gang from making the pass.
  public static func run(
    _ gang: Gang, _ places: Range<Int>, on bench: Workbench
  ) async throws -> [Result<JobOutput, any Error>] {
    guard let first = gang.portions.lazy.flatMap(\.self).first else { return [] }
    return try await run(first.computation, gang, places, on: bench)
  }

  /// The output in the one spelling, if it can be what was asked for.
  ///
  /// - Parameter bench: Has the artifacts at hand.
  /// - Throws: ``PipelineError`` with `wrongResult`, saying what is wrong with it.
  public func validated(_ output: JobOutput, on bench: Workbench) async throws -> JobOutput {
    do {
      return try await Self.validated(output, of: computation, on: bench)
    } catch {
      throw PipelineError(.wrongResult, "the result is none of this job: \(error)")
    }
  }

  private static func companions<Computation: JobComputation>(
    _ first: Computation, _ all: [any JobComputation], on bench: Workbench
  ) async throws -> Int {
    try await Computation.companions(among: all.compactMap { $0 as? Computation }, on: bench)
  }

  private static func passSize<Computation: JobComputation>(
    _ first: Computation, _ gang: Gang, on bench: Workbench
  ) async throws -> Int {
    try await Computation.passSize(
      of: gang.portions.map { $0.compactMap { $0.computation as? Computation } },
      memory: gang.memory, threads: gang.threads, on: bench)
  }

  private static func run<Computation: JobComputation>(
    _ first: Computation, _ gang: Gang, _ places: Range<Int>, on bench: Workbench
  ) async throws -> [Result<JobOutput, any Error>] {
    let portions = gang.portions.map { portion in
      portion[places.clamped(to: 0..<portion.count)].compactMap { $0.computation as? Computation }
    }
    let pass = GangPass(
      name: "\(gang.name)-\(places.lowerBound)", place: gang.place, portions: portions)
    return try await Computation.compute(pass, on: bench).map(output)
  }

  private static func run<Computation: JobComputation>(
    _ first: Computation, _ all: [any JobComputation], on bench: Workbench
  ) async -> [Result<JobOutput, any Error>] {
    let computations = all.compactMap { $0 as? Computation }
    precondition(computations.count == all.count, "jobs of several kinds in one pass")
    do {
      return try await Computation.compute(computations, on: bench).map(output)
    } catch {
      guard all.count > 1 else { return [.failure(error)] }
      // One may be the fault of all: alone, each gets its own verdict.
      var results: [Result<JobOutput, any Error>] = []
      for computation in computations {
        results += await run(computation, [computation], on: bench)
      }
      return results
    }
  }

  private static func output<Summary>(
    _ result: Result<Outcome<Summary>, any Error>
  ) -> Result<JobOutput, any Error> {
    Result {
      let outcome = try result.get()
      return JobOutput(
        summary: try CanonicalJSON.encode(outcome.summary), artifacts: outcome.artifacts)
    }
  }

  private static func validated<Computation: JobComputation>(
    _ output: JobOutput, of computation: Computation, on bench: Workbench
  ) async throws -> JobOutput {
    let summary = try CanonicalJSON.decode(Computation.Summary.self, from: output.summary)
    try await computation.validate(Outcome(summary, artifacts: output.artifacts), on: bench)
    let text = try CanonicalJSON.encode(summary)
    // Text that PostgreSQL does not take.
    guard text.range(of: Data(#"\u0000"#.utf8)) == nil else {
      throw PipelineError(.wrongResult, "its summary holds a zero character")
    }
    return JobOutput(summary: text, artifacts: output.artifacts)
  }
}

/// Any computation as a payload names it.
private struct AnyComputation: Decodable {
  private enum CodingKeys: String, CodingKey { case kind, computation }

  let computation: any JobComputation

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func decoded<Computation: JobComputation>(_ type: Computation.Type) throws -> Computation {
      try container.decode(Computation.self, forKey: .computation)
    }
    let kind = try container.decode(String.self, forKey: .kind)
    guard let type = Job.kinds[kind] else {
      throw PipelineError(
        .unknownJob,
        "this worker has no job kind '\(kind)': start one of the coordinator's version")
    }
    computation = try decoded(type)
  }
}

/// A sweep that cannot be run, or a job that cannot be done.
public struct PipelineError: Error, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// The model, the data or the recipe do not fit each other: the user must change something.
    case invalidInput
    /// The network does not have what a device's budgets and rules speak of.
    case unsuitableDevice
    case unknownJob
    case corruptArtifact
    /// A worker returned what its job cannot have given.
    case wrongResult
    /// A user's command did not do what it should.
    case commandFailed
    /// A job with a command came to a worker that runs none; another may.
    case commandsRefused
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
