import Digests

/// How many jobs of each pass every worker should have, so that all are busy equally long and few
/// passes are made: while one round of jobs is given out.
struct PassShares {
  private struct Hand {
    var shards: Set<Digest>
    var jobs: [Digest: Int]
  }

  /// By pass: jobs that a worker should hold.
  private let shares: [Digest: Int]
  private var hands: [ObjectIdentifier: Hand] = [:]

  /// - Parameter configuration: Workers that are yet to come have their share as well.
  init(
    of window: JobWindow, among workers: some Collection<WorkerSession>,
    expecting configuration: CoordinatorConfiguration
  ) {
    let crew = max(workers.count, configuration.localWorkers?.count ?? 0, 1)
    var shares = window.companions
    for pass in shares.keys {
      let all = workers.reduce(shares[pass, default: 0]) { $0 + $1.count(of: pass) }
      shares[pass] = (all + crew - 1) / crew
    }
    self.shares = shares
  }

  /// How many more jobs of a pass are a worker's share.
  mutating func room(for pass: Digest, at worker: WorkerSession) -> Int {
    shares[pass, default: 0] - hand(of: worker).jobs[pass, default: 0]
  }

  /// Shards of the jobs that a worker has been given.
  mutating func shards(of worker: WorkerSession) -> Set<Digest> { hand(of: worker).shards }

  mutating func give(_ entry: JobWindow.Entry, to worker: WorkerSession) {
    var hand = hand(of: worker)
    hand.shards.formUnion(entry.shards)
    if let pass = entry.pass {
      hand.jobs[pass, default: 0] += 1
    }
    hands[ObjectIdentifier(worker)] = hand
  }

  private mutating func hand(of worker: WorkerSession) -> Hand {
    if let known = hands[ObjectIdentifier(worker)] { return known }
    let jobs = shares.keys.map { ($0, worker.count(of: $0)) }
    let hand = Hand(
      shards: worker.shards, jobs: Dictionary(jobs, uniquingKeysWith: { first, _ in first }))
    hands[ObjectIdentifier(worker)] = hand
    return hand
  }
}
