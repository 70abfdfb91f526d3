import ClusterSimulation
import CoordinatorService
import Digests
import Foundation
import Importance
import JobEngine
import Messaging
import Pipeline
import Synchronization
import TestSupport
import Testing

/// How often something was tried.
private final class Attempts: Sendable {
  private let number = Atomic(0)

  /// This time included.
  func count() -> Int { number.add(1, ordering: .relaxed).newValue }
}

@Suite("Durability of results", .tags(.system))
struct DurabilityTests {
  @Test("a result whose artifact cannot be flushed is not recorded, and is brought again")
  func flushedBeforeRecorded() async throws {
    let cluster = try await SimulatedCluster(tiles: 3, workers: 1)
    let account = SimulatedAccount()
    let attempts = Attempts()
    let link = try cluster.link()
    let victim = TilePair(first: 0, second: 1)
    let worker = cluster.start("worker", on: link, account: account) { payload in
      guard var answer = try cluster.truth(payload) else { return nil }
      guard try cluster.sweep.tiles.statistics(forPayload: payload)?.pair == victim,
        attempts.count() == 1
      else { return answer }
      // A socket is there, and cannot be opened as a file: neither can what a broken disk holds.
      answer.meanwhile = { [artifacts = cluster.stores.artifacts] digests in
        for digest in digests {
          let path = artifacts.url(for: digest).path(percentEncoded: false)
          guard unlink(path) == 0, mknod(path, S_IFSOCK | 0o600, 0) == 0 else {
            throw SimulationError(description: "cannot damage \(path)")
          }
        }
      }
      return answer
    }
    let sweep = try await cluster.submit()
    let stores = try await cluster.reader()
    #expect(try await cluster.scores(of: sweep, in: stores) == cluster.expectedScores())
    #expect(attempts.count() == 3, "what is recorded is not given out again")
    // Six pairs, the kernel, and the sum, which nobody attempts.
    let jobs = try await stores.jobs.attempts(sweep: sweep, stage: Stage.scores.rawValue)
    #expect(jobs.completed == 8)
    // What came in one portion with the victim is brought again as well.
    #expect(jobs.attempts >= 8)
    link.close()
    _ = await worker.value
    await cluster.stop()
  }
}
