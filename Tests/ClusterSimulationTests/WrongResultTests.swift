import ClusterSimulation
import CoordinatorService
import Digests
import Foundation
import Importance
import JobEngine
import Messaging
import Pipeline
import TestSupport
import Testing

/// Ways to return what is no result.
enum Lie: String, CaseIterable, Sendable {
  case otherPair, otherTaps, otherShape, garbage, missing, tooMany, nothing, noSummary, damagedText

  func answer(_ payload: Data, in cluster: SimulatedCluster) throws -> SimulatedWorker.Answer? {
    guard let right = try cluster.sweep.tiles.statistics(forPayload: payload) else {
      return try cluster.truth(payload)
    }
    let data = right.encoded()
    switch self {
    case .otherPair:
      let pair = TilePair(first: right.pair.first, second: right.pair.second + 1)
      return .init(artifacts: [try cluster.sweep.tiles.statistics(of: pair).encoded()])
    case .otherTaps:
      let tiles = SimulatedTiles(
        taps: cluster.sweep.tiles.taps.map { $0 + "?" }, images: cluster.sweep.tiles.images)
      return .init(artifacts: [try tiles.statistics(of: right.pair).encoded()])
    case .otherShape:
      let tiles = SimulatedTiles(
        taps: cluster.sweep.tiles.taps, images: cluster.sweep.tiles.images + 1)
      return .init(artifacts: [try tiles.statistics(of: right.pair).encoded()])
    case .garbage: return .init(artifacts: [Data(data.dropLast(5))])
    case .missing: return .init(artifacts: [], invented: [Digest(of: data + Data([1]))])
    case .tooMany: return .init(artifacts: [data, Data("more".utf8)])
    case .nothing: return .init(artifacts: [])
    case .noSummary: return .init(artifacts: [data], summary: Data("[".utf8))
    case .damagedText: return .init(artifacts: [data], summary: Data([0xFF, 0x00]))
    }
  }
}

@Suite("Wrong results", .tags(.system))
struct WrongResultTests {
  @Test(
    "a worker's wrong results are refused, done again by another, and end nothing",
    arguments: Lie.allCases)
  func refused(lie: Lie) async throws {
    let cluster = try await SimulatedCluster(tiles: 6, workers: 2)
    let (lies, truths) = (SimulatedAccount(), SimulatedAccount())
    let links = [try cluster.link(), try cluster.link()]
    let liar = cluster.start("liar", on: links[0], account: lies) {
      try lie.answer($0, in: cluster)
    }
    let honest = cluster.start("honest", on: links[1], account: truths)
    while try await cluster.status().workers.count < 2 {
      try await Task.sleep(for: .milliseconds(10))
    }
    let sweep = try await cluster.submit()
    let stores = try await cluster.reader()
    #expect(try await cluster.scores(of: sweep, in: stores) == cluster.expectedScores())
    // The kernel may have been measured by either.
    #expect(lies.rejectedResults > 0 && lies.acceptedResults <= 1)
    #expect(truths.rejectedResults == 0)
    #expect(truths.acceptedResults + lies.acceptedResults == 22)
    let workers = try await cluster.status().workers
    if let worker = workers.first(where: { $0.id == "liar" }) {
      #expect(worker.refused > 0 && worker.completed <= 1)
    }
    #expect(workers.first { $0.id == "honest" }?.refused == 0)
    for link in links { link.close() }
    _ = (await liar.value, await honest.value)
    await cluster.stop()
  }

  @Test("what is wrong again and again ends the sweep, and says what was wrong")
  func givenUp() async throws {
    let cluster = try await SimulatedCluster(tiles: 3, workers: 1)
    let link = try cluster.link()
    let liar = cluster.start("liar", on: link, account: SimulatedAccount()) {
      try Lie.otherPair.answer($0, in: cluster)
    }
    let sweep = try await cluster.submit()
    let stores = try await cluster.reader()
    let error = await #expect(throws: SimulationError.self) {
      _ = try await cluster.scores(of: sweep, in: stores)
    }
    #expect(error?.description.contains("tiles (") == true, "\(error?.description ?? "")")
    let failures = try await stores.jobs.failures(sweep: sweep)
    let failed = try #require(failures.first { $0.state == .discarded })
    #expect(failed.failure.code == PipelineError.Code.wrongResult.rawValue)
    #expect(failed.failure.message.contains("liar"))
    #expect(try #require(await liar.value).contains("one after the other"), "it is sent away")
    link.close()
    await cluster.stop()
  }
}

@Suite("Kinds of machines", .tags(.system))
struct MixedClusterTests {
  private static let other = WorkerHello.Backend(
    name: "simulated", version: "1", instructionSet: "another")

  @Test("a worker of another kind is refused, and told why")
  func refused() async throws {
    let cluster = try await SimulatedCluster(tiles: 4, workers: 2)
    let account = SimulatedAccount()
    let links = [try cluster.link(), try cluster.link()]
    let first = cluster.start("first", on: links[0], account: account)
    let sweep = try await cluster.submit()
    let stores = try await cluster.reader()
    #expect(try await cluster.scores(of: sweep, in: stores) == cluster.expectedScores())
    let second = cluster.start(
      "second", on: links[1], account: account, backend: Self.other)
    let reason = try #require(await second.value)
    #expect(reason.contains("simulated 1 another") && reason.contains("--allow-mixed"))
    #expect(
      try await stores.jobs.identities(sweep: sweep) == ["scores": ["simulated 1 none"]])
    for link in links { link.close() }
    _ = await first.value
    await cluster.stop()
  }

  @Test("where mixing is allowed, the kinds are on record")
  func allowed() async throws {
    let cluster = try await SimulatedCluster(
      tiles: 12, workers: 2, configuration: CoordinatorConfiguration(allowsMixed: true))
    let account = SimulatedAccount()
    let links = [try cluster.link(), try cluster.link()]
    let crowd = [
      cluster.start("first", on: links[0], account: account),
      cluster.start("second", on: links[1], account: account, backend: Self.other),
    ]
    while try await cluster.status().workers.count < 2 {
      try await Task.sleep(for: .milliseconds(10))
    }
    let sweep = try await cluster.submit()
    let stores = try await cluster.reader()
    _ = try await cluster.scores(of: sweep, in: stores)
    #expect(
      try await stores.jobs.identities(sweep: sweep)["scores"]
        == ["simulated 1 another", "simulated 1 none"])
    for link in links { link.close() }
    for worker in crowd { _ = await worker.value }
    await cluster.stop()
  }
}

extension SimulatedCluster {
  func status() async throws -> CoordinatorStatus {
    guard case .ok(let data) = try await client.request(.status) else {
      throw SimulationError(description: "no status")
    }
    return try CanonicalJSON.decode(CoordinatorStatus.self, from: data)
  }
}
