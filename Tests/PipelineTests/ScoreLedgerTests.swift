import Digests
import Foundation
import Importance
import Pipeline
import TestSupport
import Testing

@Suite("The account of scores", .tags(.backend))
struct ScoreLedgerTests {
  @Test("a sound account names every pair once and adds up to the scores")
  func sound() async throws {
    let (sweep, ending) = try await SmallSweep.plain
    let digest = try ending.report.scores.digest.hex
    let ledger = try await ScoreLedger(
      jobs: Self.records(ending), artifacts: sweep.artifacts, digest: digest)
    #expect(ledger.isSound && ledger.problems.isEmpty && ledger.digest == digest)
    #expect(
      ledger.rows.map { [$0.first, $0.second] } == [
        [0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 2],
      ])
    #expect(ledger.images == 48 && ledger.imagesCounted == 48)
    #expect(ledger.entries == 48 * 48 && ledger.entriesCounted == ledger.entries)
    #expect(ledger.rows.allSatisfy { $0.worker == "w" && $0.attempt == 2 })
    #expect(try ScoreLedger.scores(among: Self.records(ending)) == ending.report.scores)
  }

  @Test("whatever is missing, doubled, changed or damaged is found")
  func unsound() async throws {
    let (sweep, ending) = try await SmallSweep.plain
    let digest = try ending.report.scores.digest.hex
    let records = Self.records(ending)
    let tile = try #require(ending.jobs.firstIndex { $0.label == "tiles (0, 1)" })
    let other = try #require(ending.jobs.firstIndex { $0.label == "tiles (1, 2)" })
    let place = try #require(records.firstIndex { $0.key == ending.jobs[tile].key })
    let second = try #require(records.firstIndex { $0.key == ending.jobs[other].key })
    func problems(
      _ change: (inout [ScoreLedger.Record]) -> Void, digest published: String? = nil,
      artifacts: (any ArtifactAccess)? = nil
    ) async throws -> String {
      var changed = records
      change(&changed)
      let ledger = try await ScoreLedger(
        jobs: changed, artifacts: artifacts ?? sweep.artifacts, digest: published ?? digest)
      #expect(!ledger.isSound)
      return ledger.problems.joined(separator: "; ")
    }
    #expect(try await problems { $0.remove(at: place) }.contains("(0, 1) have 0"))
    #expect(try await problems { $0.append($0[place]) }.contains("(0, 1) have 2"))
    let swapped = try await problems { $0[place].artifacts = $0[second].artifacts }
    #expect(swapped.contains("tiles (0, 1): what was summed is no job's result"))
    let republished = try await problems({ _ in }, digest: String(repeating: "0", count: 64))
    #expect(republished.contains("published"))
    let damaged = try await problems(
      { _ in }, artifacts: Damaged(base: sweep.artifacts, lost: records[place].artifacts[0]))
    #expect(damaged.contains("cannot be summed again"))
    await #expect(throws: PipelineError.self) {
      _ = try await ScoreLedger(jobs: [], artifacts: sweep.artifacts, digest: digest)
    }
  }

  private struct Damaged: ArtifactAccess {
    var base: MemoryArtifacts
    var lost: Digest

    func data(for digest: Digest) async throws -> Data {
      let data = try base.data(for: digest)
      return digest == lost ? data.dropLast(8) : data
    }

    func put(_ data: Data) async throws -> Digest { base.put(data) }
  }

  private static func records(_ ending: Ending) -> [ScoreLedger.Record] {
    ending.jobs(.scores).compactMap { job in
      ending.results.outputs[job.key].map {
        ScoreLedger.Record(
          key: job.key, payload: job.payload, summary: $0.summary, artifacts: $0.artifacts,
          worker: "w", attempt: 2)
      }
    }
  }
}
