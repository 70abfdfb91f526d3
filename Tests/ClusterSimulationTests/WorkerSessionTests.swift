import ClusterSimulation
import Importance
import JobEngine
import Messaging
import Pipeline
import TestSupport
import Testing

@testable import CoordinatorService

@Suite("What the coordinator knows of a worker", .tags(.pure))
struct WorkerSessionTests {
  private static func session() -> WorkerSession {
    WorkerSession(
      WorkerHello(
        workerID: "one", processID: 1, host: "here",
        backend: .init(name: "any", version: "1", instructionSet: "any"), threads: 1, credits: 2))
  }

  /// Jobs with their first attempts.
  private static func portion(
    _ count: Int
  ) throws -> [(entry: JobWindow.Entry, job: WireReference)] {
    try SimulatedSweep(tiles: 4).jobs().prefix(count).enumerated().map { index, job in
      let queued = QueuedJob(id: Int64(index + 1), specification: JobSpecification(job))
      return (JobWindow.Entry(queued), WireReference(id: queued.id, attempt: 1))
    }
  }

  @Test("work counts as far as it is done, and once")
  func work() throws {
    let session = Self.session()
    let portion = try Self.portion(2)
    session.take(portion)
    let weights = portion.map(\.entry.job.specification.weight)
    let whole = weights.reduce(0, +)
    #expect(whole > 0 && session.workDone { _ in true } == 0)
    session.note(JobsUnderway(portion.map(\.job), share: 0.5))
    #expect(session.workDone { _ in true } == whole / 2)
    // One that was given up and begun again is not less than it was, nor is one nobody asks for.
    session.note(JobsUnderway(portion.map(\.job), share: 0.25))
    #expect(session.workDone { _ in true } == whole / 2)
    let first = portion[0].entry.job.specification.key
    #expect(session.workDone { $0 == first } == weights[0] / 2)
    session.complete(portion[0].job, weight: weights[0])
    #expect(session.workDone { _ in true } == weights[1] / 2 && session.completed == 1)
    #expect(session.underway.jobs == [portion[1].job])
    session.complete(portion[1].job, weight: weights[1])
    #expect(session.underway == JobsUnderway() && session.heldPortions == 0)
  }

  @Test("a loan of threads lasts as long as its portion")
  func loans() throws {
    let session = Self.session()
    let portion = try Self.portion(3)
    session.take(Array(portion[..<2]), borrowing: 3)
    session.take([portion[2]])
    #expect(session.borrowedThreads == 3 && session.freeCredits == 0)
    session.complete(portion[0].job, weight: 1)
    #expect(session.borrowedThreads == 3)
    session.refuse(portion[1].job)
    #expect(session.borrowedThreads == 0 && session.heldPortions == 1)
    #expect(session.refusedJobs == [portion[1].job.id] && session.refusalsInARow == 1)
    session.take([], borrowing: 2)
    #expect(session.borrowedThreads == 0, "nothing is lent for nothing")
    session.complete(portion[2].job, weight: 1)
    #expect(session.refusalsInARow == 0 && session.freeCredits == 2)
  }
}
