import Digests
import Foundation

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

  /// Whether it is done sooner by more threads than a worker has.
  public var scalesWithThreads: Bool { type(of: computation).scalesWithThreads }

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
      guard all.count > 1, !(error is CancellationError) else {
        return all.map { _ in .failure(error) }
      }
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
