import Digests
import JobEngine
import Pipeline

/// The jobs that can be leased next, best first, in memory: which worker gets which is chosen here.
///
/// The database's order is kept but for one thing: among jobs of the highest priority a worker gets
/// those of the shards that it has been given, so that fewer forward passes are repeated. What jobs
/// compute does not depend on who gets them.
struct JobWindow {
  /// A job that waits for a worker.
  struct Entry {
    let job: QueuedJob
    /// Nil where this program cannot read the payload.
    let request: JobRequest?
    /// What it has in common with jobs that are better done together with it; nil for one that is
    /// done by itself.
    let pass: Digest?

    /// Workers may be lost with a job before it is done by itself: half of what it takes to give it
    /// up, because a cluster that is stopped counts as well.
    private static let deaths = 10

    init(_ job: QueuedJob) {
      self.init(job, try? JobRequest(payload: job.specification.payload))
    }

    init(_ job: QueuedJob, _ request: JobRequest?) {
      self.job = job
      self.request = request
      pass = job.deaths < Self.deaths ? request?.pass : nil
    }

    var shards: [Digest] { request?.shards ?? [] }
    /// Whether neighbours can make its pass together.
    var makesGangs: Bool { pass != nil && request?.makesGangs == true }
    /// How much there is to do beside its pass.
    var load: Double { request?.load ?? 1 }
  }

  /// Entries of one pass.
  struct Companions {
    var count = 0
    var load = 0.0
  }

  private var entries: [Entry?] = []
  /// Entries before it are taken.
  private var head = 0
  /// Places of entries by shard, ascending.
  private var places: [Digest: [Int]] = [:]
  /// Entries that are left.
  private(set) var count = 0
  /// Entries that are left, by pass.
  private(set) var companions: [Digest: Companions] = [:]
  /// Whether the database may have jobs that are not here.
  var isStale = true

  /// Entries looked at for one worker, at most: leasing stays quick however many jobs there are.
  private static let patience = 256

  init() {}

  /// - Parameters:
  ///   - jobs: Best first.
  ///   - isWhole: Whether these are all there are.
  ///   - last: The window before; what it has read is not read again.
  init(_ jobs: [QueuedJob], isWhole: Bool, after last: JobWindow = JobWindow()) {
    var known: [Int64: JobRequest?] = [:]
    for case let entry? in last.entries { known[entry.job.id] = .some(entry.request) }
    entries = jobs.map { job in known[job.id].map { Entry(job, $0) } ?? Entry(job) }
    for (place, entry) in entries.enumerated() {
      for shard in entry?.shards ?? [] { places[shard, default: []].append(place) }
      if let entry, let pass = entry.pass {
        companions[pass, default: Companions()].count += 1
        companions[pass]?.load += entry.load
      }
    }
    count = jobs.count
    self.isWhole = isWhole
    isStale = false
  }

  /// Whether these are all that the database has.
  private var isWhole = false

  /// Jobs were queued behind these: they are read once these are nearly used up.
  mutating func hasSuccessors() { isWhole = false }

  /// The next window is about to be read: what is noted here from now on, it may lack.
  mutating func beginReading() { (isStale, isWhole) = (false, true) }

  /// Takes over what was noted while this window was read.
  mutating func takeNotes(of last: JobWindow) {
    isStale = last.isStale
    isWhole = isWhole && last.isWhole
  }

  /// Whether the database should be asked again before `wanted` jobs are taken.
  func needsMore(for wanted: Int) -> Bool { isStale || count < wanted && !isWhole }

  /// Takes the best job for a worker.
  ///
  /// - Parameters:
  ///   - held: Shards of the jobs that the worker has been given.
  ///   - isUnwelcome: Jobs that are not for this worker now.
  /// - Complexity: O(1) for the size of the window.
  mutating func take(
    holding held: Set<Digest>, unless isUnwelcome: (Entry) -> Bool
  ) -> Entry? {
    while head < entries.count, entries[head] == nil { head += 1 }
    var best: (place: Int, misses: Int)?
    var priority: Int?
    var looks = Self.patience
    func look(at place: Int, _ entry: Entry) {
      looks -= 1
      let specification = entry.job.specification
      guard specification.priority == priority ?? specification.priority,
        !isUnwelcome(entry)
      else { return }
      priority = specification.priority
      let misses = entry.shards.count { !held.contains($0) }
      if let best, (best.misses, best.place) <= (misses, place) { return }
      best = (place, misses)
    }
    for place in head..<entries.count {
      guard best == nil, looks > 0 else { break }
      if let entry = entries[place] { look(at: place, entry) }
    }
    for shard in held {
      guard looks > 0, best.map({ $0.misses > 0 }) ?? true else { break }
      tidy(shard)
      for place in places[shard] ?? [] {
        guard looks > 0 else { break }
        if let entry = entries[place] { look(at: place, entry) }
      }
    }
    guard let place = best?.place, let entry = entries[place] else { return nil }
    entries[place] = nil
    count -= 1
    if let pass = entry.pass {
      companions[pass]?.count -= 1
      companions[pass]?.load -= entry.load
      if companions[pass]?.count == 0 { companions[pass] = nil }
    }
    return entry
  }

  /// Forgets places that are taken, once there are many at the front.
  private mutating func tidy(_ shard: Digest) {
    guard let known = places[shard], let first = known.first, entries[first] == nil else { return }
    places[shard] = known.filter { entries[$0] != nil }
  }
}
