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
    _ worker: WorkerSession, of all: [WorkerSession], from window: inout JobWindow,
    expecting count: Int = 0
  ) -> Int {
    var shares = PassShares(of: window, among: all, expecting: local(count))
    guard let pass = window.companions.keys.first else { return 0 }
    var portion: [JobWindow.Entry] = []
    while shares.hasRoom(for: pass, at: worker),
      let entry = window.take(holding: shares.shards(of: worker), unless: { _ in false })
    {
      shares.give(entry, to: worker)
      portion.append(entry)
    }
    worker.take(portion.map { ($0, WireReference(id: $0.job.id, attempt: 1)) })
    return portion.count
  }

  @Test("workers have as much to do, whenever they ask")
  func fair() throws {
    var window = try Self.window(tiles: 8)
    let (a, b) = (Self.worker("a"), Self.worker("b"))
    let all = try #require(window.companions.values.first)
    #expect(window.companions.count == 1 && all.count == 36)
    let pass = try #require(window.companions.keys.first)
    let first = Self.serve(a, of: [a, b], from: &window)
    #expect(a.load(of: pass) >= all.load / 2)
    #expect(a.load(of: pass) < all.load / 2 + all.load / 32, "a pair too many at most")
    #expect(a.heldPortions == 1 && a.freeCredits == 1, "one pass")
    #expect(Self.serve(a, of: [a, b], from: &window) == 0, "the others are b's")
    #expect(Self.serve(b, of: [a, b], from: &window) == 36 - first)
    #expect(window.count == 0 && window.companions.isEmpty)
    for job in a.held { a.complete(job, weight: 1) }
    #expect(a.freeCredits == 2 && a.held.isEmpty && a.completed == first)
  }

  @Test("workers that are yet to come have their share as well")
  func expected() throws {
    for count in [0, 1, 2, 5] {
      var window = try Self.window(tiles: 8)
      let all = try #require(window.companions.values.first).load
      let a = Self.worker("a")
      let pass = try #require(window.companions.keys.first)
      _ = Self.serve(a, of: [a], from: &window, expecting: count)
      let share = all / Double(max(count, 1))
      #expect((share...share + all / 32).contains(a.load(of: pass) * (1 + 1e-9)))
    }
  }

  @Test("jobs that workers were lost with again and again are done by themselves")
  func suspects() throws {
    #expect(try Self.window(tiles: 3, deaths: 9).companions.count == 1)
    #expect(try Self.window(tiles: 3, deaths: 10).companions.isEmpty)
  }
}
