/// What calibration shards are for.
///
/// Least squares looks better on its own samples than it is, and the fewer they are, the more so. So
/// no fit is judged by samples that it was made from, unless there is one shard alone, or one that has
/// nearly all. (Which channels go, and how many, is decided with all of them.)
struct CalibrationSplit: Hashable {
  /// What a variant's layers are fitted to.
  let fitted: Range<Int>
  /// What decides between fits: the last shards that have a sixteenth of all samples or more, and
  /// never all of them. (The very last may have hardly any: it is what the others leave over.)
  let heldBack: Range<Int>
  /// What sensitivities are measured on: the first shards, part by part, each by fits to all shards
  /// but its own.
  let judges: [Range<Int>]
  /// By part: the shards of the fits that it judges.
  let others: [[Int]]

  /// Parts at most: each needs a sum of Grams and a fit of its own.
  private static let mostJudges = 4

  /// - Parameters:
  ///   - counts: Samples, by shard.
  ///   - judging: Samples that sensitivities are measured on, or a few more.
  init(counts: [Int], judging: Int) {
    let all = counts.reduce(0, +)
    var (first, held) = (counts.count, 0)
    while first > 1, 16 * held < all {
      first -= 1
      held += counts[first]
    }
    let isOne = counts.count == 1
    (fitted, heldBack) = isOne ? (0..<1, 0..<1) : (0..<first, first..<counts.count)
    let seen = counts.prefix(holding: judging) { $0 }.count
    let parts = min(seen, Self.mostJudges)
    func samples(_ shards: some Sequence<Int>) -> Int { shards.reduce(0) { $0 + counts[$1] } }
    // A fit to less than half of the samples would be judged instead of the one to all.
    let fair = (0..<parts).map { seen * $0 / parts..<seen * ($0 + 1) / parts }
      .filter { 2 * samples($0) <= all }
    // A handful of samples is no judge.
    guard 16 * samples(fair.joined()) >= samples(0..<seen), !fair.isEmpty else {
      judges = seen > 0 ? [0..<seen] : []
      others = seen > 0 ? [Array(counts.indices)] : []
      return
    }
    judges = fair
    others = fair.map { part in counts.indices.filter { !part.contains($0) } }
  }
}
