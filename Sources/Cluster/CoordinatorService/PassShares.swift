import Digests

/// How much of each pass every worker should have, so that all are busy equally long and few passes
/// are made: while one round of jobs is given out.
struct PassShares {
  private struct Hand {
    var shards: Set<Digest>
    var loads: [Digest: Double]
  }

  /// By pass: the load that a worker should hold.
  private let shares: [Digest: Double]
  private var hands: [ObjectIdentifier: Hand] = [:]

  /// - Parameter configuration: Workers that are yet to come have their share as well.
  init(
    of window: JobWindow, among workers: some Collection<WorkerSession>,
    expecting configuration: CoordinatorConfiguration
  ) {
    let crew = max(workers.count, configuration.localWorkers?.count ?? 0, 1)
    shares = Dictionary(
      uniqueKeysWithValues: window.companions.map { pass, left in
        (pass, workers.reduce(left.load) { $0 + $1.load(of: pass) } / Double(crew))
      })
  }

  /// Whether a worker has less of a pass than its share: who takes jobs while there is room has at
  /// least that, so that nothing is left over.
  mutating func hasRoom(for pass: Digest, at worker: WorkerSession) -> Bool {
    // Sums of equal loads differ by rounding.
    hand(of: worker).loads[pass, default: 0] < shares[pass, default: 0] * (1 - 1e-9)
  }

  /// Shards of the jobs that a worker has been given.
  mutating func shards(of worker: WorkerSession) -> Set<Digest> { hand(of: worker).shards }

  mutating func give(_ entry: JobWindow.Entry, to worker: WorkerSession) {
    var hand = hand(of: worker)
    hand.shards.formUnion(entry.shards)
    if let pass = entry.pass {
      hand.loads[pass, default: 0] += entry.load
    }
    hands[ObjectIdentifier(worker)] = hand
  }

  private mutating func hand(of worker: WorkerSession) -> Hand {
    if let known = hands[ObjectIdentifier(worker)] { return known }
    let loads = shares.keys.map { ($0, worker.load(of: $0)) }
    let hand = Hand(
      shards: worker.shards,
      loads: Dictionary(loads, uniquingKeysWith: { first, _ in first }))
    hands[ObjectIdentifier(worker)] = hand
    return hand
  }
}
