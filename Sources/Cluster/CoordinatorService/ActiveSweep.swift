import Digests
import Pipeline

/// A sweep under way: what it waits for, and what is known of it. Only the coordinator touches it.
///
/// Results are not kept as they come: a cohort's are read from the database when it is whole, and
/// forgotten when nothing asks for them any more.
final class ActiveSweep {
  let pipeline: Pipeline
  private(set) var results = Results()
  /// How far the pipeline came with them.
  var walk = Walk()
  /// By stage: what it will take, in multiply–accumulates.
  var foreseenWork: [Stage: Double] = [:]
  /// Keys of jobs that were asked for.
  private var asked: Set<Digest> = []
  /// Jobs not known to be done, with their cohorts.
  private var waiting: [Digest: Int] = [:]
  /// Jobs of each cohort that are waited for, and those that are done.
  private var open: [Int: Int] = [:]
  private var done: [Int: [Digest]] = [:]
  private var lastCohort = 0
  /// Done, all of their cohort, and not read yet.
  private var arrived: [Digest] = []

  /// Whether something may follow from what came to be known.
  var isDue = true
  /// Whether jobs may have been given up unnoticed: by the deaths of their workers.
  var mayHaveFailures = false
  /// Walks take their time: none starts before this, while workers have other things to do.
  var rest = ContinuousClock.now

  init(_ pipeline: Pipeline) { self.pipeline = pipeline }

  var isWaiting: Bool { !waiting.isEmpty }
  func hasAsked(for key: Digest) -> Bool { asked.contains(key) }

  /// Jobs are about to be queued.
  func expect(_ jobs: [Job]) {
    var numbers: [Int: Int] = [:]
    for job in jobs where asked.insert(job.key).inserted {
      if numbers[job.cohort] == nil {
        lastCohort += 1
        numbers[job.cohort] = lastCohort
      }
      let cohort = numbers[job.cohort, default: 0]
      waiting[job.key] = cohort
      open[cohort, default: 0] += 1
    }
  }

  /// A job has its result.
  func complete(_ key: Digest) {
    guard let cohort = waiting.removeValue(forKey: key) else { return }
    done[cohort, default: []].append(key)
    close(cohort)
  }

  /// A job was given up.
  func fail(_ key: Digest, _ reason: JobFailureReason) {
    guard asked.contains(key), results.failures[key] == nil else { return }
    results.failures[key] = reason
    isDue = true
    if let cohort = waiting.removeValue(forKey: key) { close(cohort) }
  }

  private func close(_ cohort: Int) {
    let left = open[cohort, default: 1] - 1
    open[cohort] = left > 0 ? left : nil
    guard left <= 0 else { return }
    arrived += done.removeValue(forKey: cohort) ?? []
    isDue = true
  }

  /// Results that turned out to be gone are waited for again.
  func lose(_ keys: [Digest]) {
    lastCohort += 1
    for key in keys { waiting[key] = lastCohort }
    open[lastCohort] = keys.count
  }

  /// What is to be read.
  func takeArrived() -> [Digest] {
    defer { arrived = [] }
    return arrived
  }

  func know(_ output: JobOutput, of key: Digest) { results.outputs[key] = output }
  func know(_ reason: JobFailureReason, of key: Digest) { results.failures[key] = reason }

  /// Drops the results that the walk has done with.
  func forgetSpent() {
    for key in walk.takeSpent() { results.outputs[key] = nil }
  }
}
