import Digests
import Foundation
import JobEngine
import Messaging

/// A worker as the coordinator sees it. Only the coordinator touches it.
final class WorkerSession {
  let hello: WorkerHello
  /// Attempts it holds; those of an earlier coordinator are known by number alone.
  private(set) var held: [WireReference: JobWindow.Entry?] = [:]
  /// Shards whose activations it said it holds.
  private var remembered: [Digest] = []
  /// Jobs whose results were refused: better done by another.
  private(set) var refusedJobs: Set<Int64> = []
  /// Results refused since the last good one.
  private(set) var refusalsInARow = 0
  private(set) var completed = 0
  private(set) var refused = 0
  var usage = WorkerUsage() {
    didSet { images.add(Double(usage.images - oldValue.images)) }
  }
  private(set) var work = Rate()
  private(set) var images = Rate()

  init(_ hello: WorkerHello) { self.hello = hello }

  /// What its results depend on in their last bits.
  var identity: String { hello.backend.identity }
  var freeCredits: Int { hello.credits - held.count }

  /// Shards it holds now, or will once it has done what it has been given.
  var shards: Set<Digest> {
    Set(remembered).union(held.values.flatMap { $0?.shards ?? [] })
  }

  func entry(_ job: WireReference) -> JobWindow.Entry? { held[job] ?? nil }

  func take(_ entry: JobWindow.Entry, as job: WireReference) { held[job] = .some(entry) }

  /// It says it holds jobs, and the database agrees.
  func confirm(_ jobs: [WireReference]) {
    for job in jobs where held[job] == nil { held.updateValue(nil, forKey: job) }
  }

  func drop(_ job: WireReference) { held.removeValue(forKey: job) }

  func complete(_ job: WireReference, weight: Double, holding shards: [Digest]) {
    drop(job)
    completed += 1
    refusalsInARow = 0
    remembered = shards
    work.add(weight)
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
