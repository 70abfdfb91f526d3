import ClusterSimulation
import Digests
import Importance
import JobEngine
import Pipeline
import TestSupport
import Testing

@testable import CoordinatorService

/// A worker that remembers the activations of a few tiles, the least recently used forgotten first.
private struct Memory {
  var shards: [Digest] = []
  let capacity: Int
  var passes = 0

  mutating func use(_ needed: [Digest]) {
    for shard in needed {
      if let place = shards.firstIndex(of: shard) {
        shards.remove(at: place)
      } else {
        passes += 1
      }
      shards.insert(shard, at: 0)
    }
    shards = Array(shards.prefix(capacity))
  }
}

@Suite("Job window", .tags(.pure))
struct JobWindowTests {
  private static func jobs(tiles: Int) throws -> [QueuedJob] {
    try SimulatedSweep(tiles: tiles).jobs().enumerated().map { index, job in
      QueuedJob(id: Int64(index + 1), specification: JobSpecification(job))
    }
  }

  /// Forward passes over tiles until all pairs are done, workers taking turns.
  private static func passes(
    tiles: Int, workers: Int, capacity: Int, looks: Bool
  ) throws -> (passes: Int, jobs: Int) {
    let jobs = try jobs(tiles: tiles)
    var window = JobWindow(jobs, isWhole: true)
    var memories = (0..<workers).map { _ in Memory(capacity: capacity) }
    var taken: [Int64] = []
    while window.count > 0 {
      for worker in memories.indices {
        let held = looks ? Set(memories[worker].shards) : []
        guard let entry = window.take(holding: held, unless: { _ in false }) else { continue }
        taken.append(entry.job.id)
        memories[worker].use(entry.shards)
      }
    }
    #expect(taken.sorted() == jobs.map(\.id), "every job once")
    return (memories.reduce(0) { $0 + $1.passes }, jobs.count)
  }

  @Test(
    "looking at what workers hold saves forward passes",
    arguments: [(8, 2, 2), (8, 2, 4), (16, 4, 4), (31, 5, 6), (31, 2, 3)])
  func affinity(tiles: Int, workers: Int, capacity: Int) throws {
    let (plain, jobs) = try Self.passes(
      tiles: tiles, workers: workers, capacity: capacity, looks: false)
    let (clever, _) = try Self.passes(
      tiles: tiles, workers: workers, capacity: capacity, looks: true)
    #expect(jobs == tiles * (tiles + 1) / 2)
    #expect(clever < plain, "\(clever) passes, \(plain) without looking, \(jobs) pairs")
    print(
      "\(tiles) tiles, \(workers) workers that hold \(capacity): \(clever) forward passes,",
      "\(plain) without looking")
  }

  @Test("without memories, the oldest job goes first; unwelcome ones are left to others")
  func order() throws {
    let jobs = try Self.jobs(tiles: 3)
    var window = JobWindow(jobs, isWhole: true)
    let taken = [
      window.take(holding: [], unless: { $0.job.id == 1 }),
      window.take(holding: [], unless: { _ in false }),
      window.take(holding: [], unless: { _ in true }),
    ]
    #expect(taken.map { $0?.job.id } == [2, 1, nil])
    #expect(window.count == jobs.count - 2)
    #expect(!window.needsMore(for: 100), "these are all there are")
  }

  @Test("a higher priority goes before what a worker holds")
  func priority() throws {
    var jobs = try Self.jobs(tiles: 3)
    let held = Set(try JobRequest(payload: jobs[5].specification.payload).shards)
    jobs[0].specification.priority = 1
    var window = JobWindow(jobs, isWhole: false)
    let taken = (0..<2).map { _ in window.take(holding: held, unless: { _ in false })?.job.id }
    #expect(taken == [1, 6])
    #expect(window.needsMore(for: 100))
  }
}
