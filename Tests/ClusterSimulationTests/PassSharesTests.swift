import ClusterSimulation
import Digests
import JobEngine
import Messaging
import TestSupport
import Testing

@testable import CoordinatorService

@Suite("Shares of a pass", .tags(.pure))
struct PassSharesTests {
  private static func window(tiles: Int, deaths: Int = 0) throws -> JobWindow {
    let jobs = try SimulatedSweep(tiles: tiles).jobs().enumerated().map { index, job in
      QueuedJob(id: Int64(index + 1), specification: JobSpecification(job), deaths: deaths)
    }
    return JobWindow(jobs, isWhole: true)
  }

  private static func worker(_ name: String) -> WorkerSession {
    WorkerSession(
      WorkerHello(
        workerID: name, processID: 1, host: "here",
        backend: .init(name: "none", version: "1", instructionSet: "any"), threads: 1, credits: 2))
  }

  private static func local(_ count: Int) -> CoordinatorConfiguration {
    CoordinatorConfiguration(
      localWorkers: count > 0 ? .init(count: count, memory: 1 << 30, threads: 1) : nil)
  }

  /// Gives a worker its share.
  private static func serve(
    _ worker: WorkerSession, of all: [WorkerSession], from window: inout JobWindow
  ) -> Int {
    var shares = PassShares(of: window, among: all, expecting: local(0))
    guard let pass = window.companions.keys.first else { return 0 }
    var portion: [JobWindow.Entry] = []
    while shares.room(for: pass, at: worker) > 0,
      let entry = window.take(holding: shares.shards(of: worker), unless: { _ in false })
    {
      shares.give(entry, to: worker)
      portion.append(entry)
    }
    worker.take(portion.map { ($0, WireReference(id: $0.job.id, attempt: 1)) })
    return portion.count
  }

  @Test("workers have as many jobs, whenever they ask")
  func fair() throws {
    var window = try Self.window(tiles: 8)
    let (a, b) = (Self.worker("a"), Self.worker("b"))
    #expect(window.companions.values.map(\.self) == [36])
    #expect(Self.serve(a, of: [a, b], from: &window) == 18)
    #expect(a.heldPortions == 1 && a.freeCredits == 1, "one pass")
    #expect(Self.serve(a, of: [a, b], from: &window) == 0, "the others are b's")
    #expect(Self.serve(b, of: [a, b], from: &window) == 18)
    #expect(window.count == 0 && window.companions.isEmpty)
    for job in a.held { a.complete(job, weight: 1) }
    #expect(a.freeCredits == 2 && a.held.isEmpty && a.completed == 18)
  }

  @Test("workers that are yet to come have their share as well")
  func expected() throws {
    let window = try Self.window(tiles: 8)
    let pass = try #require(window.companions.keys.first)
    let a = Self.worker("a")
    for (count, share) in [(0, 36), (1, 36), (2, 18), (5, 8)] {
      var shares = PassShares(of: window, among: [a], expecting: Self.local(count))
      #expect(shares.room(for: pass, at: a) == share)
    }
  }

  @Test("jobs that workers were lost with again and again are done by themselves")
  func suspects() throws {
    #expect(try Self.window(tiles: 3, deaths: 9).companions.count == 1)
    #expect(try Self.window(tiles: 3, deaths: 10).companions.isEmpty)
  }
}
