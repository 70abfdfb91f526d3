import Digests
import Foundation
import JobEngine
import Messaging

/// A worker as the coordinator sees it. Only the coordinator touches it.
final class WorkerSession {
  let hello: WorkerHello
  /// Workers with the same can make a pass together: they share memory, and compute the same bits.
  /// Nil for one that shares none.
  let neighbourhood: String?
  /// An attempt that it holds.
  private struct Holding {
    /// Nil for one of an earlier coordinator, which is known by number alone.
    var entry: JobWindow.Entry?
    /// With which others it was given.
    var portion: Int
    /// How much of its work is done.
    var done = 0.0
  }

  private var holdings: [WireReference: Holding] = [:]
  /// By portion: what is left of it.
  private var portions: [Int: Int] = [:]
  private var lastPortion = 0
  /// By portion: threads of neighbours that it may use for it.
  private var borrowed: [Int: Int] = [:]
  /// Jobs whose results were refused: better done by another.
  private(set) var refusedJobs: Set<Int64> = []
  /// Results refused since the last good one.
  private(set) var refusalsInARow = 0
  private(set) var completed = 0
  private(set) var refused = 0
  var usage = WorkerUsage() {
    didSet { images.add(Double(usage.images - oldValue.images)) }
  }
  /// What it computes of what it holds.
  private(set) var underway = JobsUnderway()
  private(set) var work = Rate()
  private(set) var images = Rate()

  init(_ hello: WorkerHello) {
    self.hello = hello
    neighbourhood =
      hello.neighbourhood.isEmpty
      ? nil : "\(hello.neighbourhood) \(hello.backend.identity)"
  }

  /// What its results depend on in their last bits.
  var identity: String { hello.backend.identity }
  var held: some Collection<WireReference> { holdings.keys }
  /// How many portions of jobs it holds a part of.
  var heldPortions: Int { portions.count }
  var freeCredits: Int { hello.credits - heldPortions }
  /// Shards of what it holds.
  var shards: Set<Digest> { Set(holdings.values.flatMap { $0.entry?.shards ?? [] }) }

  /// How much of a pass it holds.
  func load(of pass: Digest) -> Double {
    holdings.values.reduce(0) { $0 + ($1.entry?.pass == pass ? $1.entry?.load ?? 0 : 0) }
  }

  /// Whether it holds jobs that are better done together with others.
  var holdsPass: Bool { holdings.values.contains { $0.entry?.pass != nil } }

  /// With whom it was given its last portion; nil where it was alone.
  var lastGang: String?

  func entry(_ job: WireReference) -> JobWindow.Entry? { holdings[job]?.entry }

  /// Threads of neighbours that it may use now.
  var borrowedThreads: Int { borrowed.values.reduce(0, +) }

  /// - Parameter threads: What neighbours lend for it.
  func take(
    _ portion: [(entry: JobWindow.Entry, job: WireReference)], borrowing threads: Int = 0
  ) {
    hold(portion.map { ($0.job, $0.entry) })
    if threads > 0, !portion.isEmpty { borrowed[lastPortion] = threads }
  }

  private func hold(_ jobs: [(WireReference, JobWindow.Entry?)]) {
    guard !jobs.isEmpty else { return }
    lastPortion += 1
    for (job, entry) in jobs {
      drop(job)
      holdings[job] = Holding(entry: entry, portion: lastPortion)
    }
    portions[lastPortion] = jobs.count
  }

  /// It says it holds jobs, and the database agrees.
  func confirm(_ jobs: [WireReference]) {
    hold(jobs.filter { holdings[$0] == nil }.map { ($0, nil) })
  }

  func drop(_ job: WireReference) {
    guard let portion = holdings.removeValue(forKey: job)?.portion else { return }
    underway.jobs.removeAll { $0 == job }
    if underway.jobs.isEmpty { underway.share = 0 }
    let left = portions[portion, default: 1] - 1
    portions[portion] = left > 0 ? left : nil
    if left <= 0 { borrowed[portion] = nil }
  }

  /// It says how far it is.
  func note(_ underway: JobsUnderway) {
    self.underway = underway
    for job in underway.jobs {
      guard var holding = holdings[job], let entry = holding.entry else { continue }
      let done = underway.share * entry.job.specification.weight
      work.add(max(done - holding.done, 0))
      holding.done = max(done, holding.done)
      holdings[job] = holding
    }
  }

  /// How much is done of jobs that it has not completed: of those that are asked for.
  func workDone(where isMeant: (Digest) -> Bool) -> Double {
    holdings.values.reduce(0) { sum, holding in
      guard let entry = holding.entry, isMeant(entry.job.specification.key) else { return sum }
      return sum + holding.done
    }
  }

  func complete(_ job: WireReference, weight: Double) {
    work.add(weight - (holdings[job]?.done ?? 0))
    drop(job)
    completed += 1
    refusalsInARow = 0
  }

  func refuse(_ job: WireReference) {
    drop(job)
    refused += 1
    refusalsInARow += 1
    refusedJobs.insert(job.id)
  }
}

extension WorkerHello.Backend {
  /// Library, version and instruction set in one line: equal lines, equal bits.
  var identity: String { "\(name) \(version) \(instructionSet)" }
}

/// Something per second, over the last half minute or so.
struct Rate {
  private static let memory = 30.0
  private var sum = 0.0
  private let start = ContinuousClock.now
  private var last = ContinuousClock.now

  mutating func add(_ amount: Double) {
    let now = ContinuousClock.now
    sum = faded(now) + amount
    last = now
  }

  /// Per second.
  var value: Double {
    let now = ContinuousClock.now
    let age = (now - start) / .seconds(1)
    // A short life has a short memory: the weights of the exponential window up to now.
    let span = Self.memory * (1 - exp(-age / Self.memory))
    return span > 0 ? faded(now) / span : 0
  }

  private func faded(_ now: ContinuousClock.Instant) -> Double {
    sum * exp(-((now - last) / .seconds(1)) / Self.memory)
  }
}

/// An attempt as messages name it.
typealias WireReference = Messaging.JobReference

extension Messaging.JobReference {
  /// The same attempt, as the database names it.
  var lease: JobEngine.JobReference { .init(id: id, attempt: attempt) }
}

extension JobEngine.JobReference {
  /// The same attempt, as messages name it.
  var message: WireReference { .init(id: id, attempt: attempt) }
}
