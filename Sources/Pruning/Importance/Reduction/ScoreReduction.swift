import Digests
import LinearAlgebra

/// Adds the statistics of all tile pairs up to HSIC.
///
/// Results may come in any order and more than once. They are added strictly in the order of
/// ``TileLayout/pairs(for:)``, each exactly once: floating-point addition is not associative, and the
/// scores must be the same bits for any number of workers.
public struct ScoreReduction: Sendable {
  /// One line of the account of what was added.
  public struct Entry: Sendable, Hashable, Codable {
    public let pair: TilePair
    /// SHA-256 of the encoded statistics.
    public let digest: Digest
  }

  public let layout: TileLayout
  public let taps: [String]
  public let estimator: HSICEstimator
  /// What has been added, in order.
  public private(set) var ledger: [Entry] = []

  private let pairs: [TilePair]
  private let places: [TilePair: Int]
  /// Results that came before their turn.
  private var waiting: [Int: TilePairStatistics] = [:]
  /// One of the two, as the estimator needs.
  private var pairSums: BlockSums?
  private var minibatchSums: MinibatchSums?
  /// In how many diagonal tiles each tap was zero.
  private var deadTiles: [Int]

  /// - Precondition: There are taps.
  public init(layout: TileLayout, taps: [String], estimator: HSICEstimator = .biased) {
    precondition(!taps.isEmpty, "no taps to reduce")
    self.layout = layout
    self.taps = taps
    self.estimator = estimator
    pairs = layout.pairs(for: estimator)
    places = Dictionary(uniqueKeysWithValues: zip(pairs, 0...))
    switch estimator {
    case .biased, .unbiased: pairSums = BlockSums(layout: layout, taps: taps.count)
    case .minibatch: minibatchSums = MinibatchSums(layout: layout, taps: taps.count)
    }
    deadTiles = Array(repeating: 0, count: taps.count)
  }

  /// The pair to add next; nil when all have been added.
  public var next: TilePair? { ledger.count < pairs.count ? pairs[ledger.count] : nil }
  public var isComplete: Bool { next == nil }

  /// Takes the statistics of a pair, whenever they come.
  ///
  /// - Returns: False if this pair has come before, with the same bits: it is not counted again.
  /// - Throws: ``ImportanceError`` with `shapeMismatch` for other taps, tiles or sizes than this
  ///   reduction's, or `conflict` for a pair that came before with other bits.
  @discardableResult
  public mutating func add(_ statistics: TilePairStatistics) throws -> Bool {
    let place = try place(of: statistics)
    if place < ledger.count || waiting[place] != nil {
      let same =
        place < ledger.count
        ? ledger[place].digest == Digest(of: statistics.encoded()) : waiting[place] == statistics
      guard same else {
        throw ImportanceError(
          .conflict,
          """
          tiles \(statistics.pair) came twice with different statistics: workers with different \
          processors or libraries, or a fault; recompute the sweep on one kind of machine
          """)
      }
      return false
    }
    waiting[place] = statistics
    while let turn = waiting.removeValue(forKey: ledger.count) { count(turn) }
    return true
  }

  private mutating func count(_ statistics: TilePairStatistics) {
    pairSums?.add(statistics)
    minibatchSums?.add(statistics)
    for tap in statistics.deadTaps { deadTiles[tap] += 1 }
    ledger.append(Entry(pair: statistics.pair, digest: Digest(of: statistics.encoded())))
  }

  private func place(of statistics: TilePairStatistics) throws -> Int {
    let pair = statistics.pair
    guard let place = places[pair] else {
      throw ImportanceError(
        .shapeMismatch,
        "tiles \(pair) are none of the \(pairs.count) pairs of \(layout.tiles) tiles")
    }
    let (rows, columns) = (layout.range(of: pair.first), layout.range(of: pair.second))
    guard statistics.taps == taps, statistics.rowSums.columns == rows.count,
      statistics.columnSums.columns == (pair.isDiagonal ? 0 : columns.count)
    else {
      throw ImportanceError(
        .shapeMismatch,
        """
        statistics of tiles \(pair) are of \(statistics.taps.count) taps and \
        \(statistics.rowSums.columns) × \(statistics.columnSums.columns) samples, not of \
        \(taps.count) taps and \(rows.count) × \(columns.count), or of taps of other names
        """)
    }
    return place
  }

  var blocks: TileBlocks { TileBlocks(layout: layout) }

  /// HSIC between every two taps.
  ///
  /// - Parameter leavesOutFaults: Whether a tap without a dependence to measure is left out, and
  ///   named in the result, instead of being an error.
  /// - Precondition: All pairs have been added.
  /// - Throws: ``ImportanceError`` with `degenerateFeatures`, naming every tap that does not vary, or
  ///   with `tooFewSamples`.
  public func dependence(leavingOutFaults leavesOutFaults: Bool = false) throws -> DependenceMatrix
  {
    precondition(isComplete, "\(pairs.count - ledger.count) tile pairs are missing")
    let whole = try dependence(of: blocks.all)
    guard whole.faults.isEmpty || leavesOutFaults else {
      throw ImportanceError.degenerate(whole.faults, samples: whole.samples)
    }
    return whole
  }

  /// HSIC over the images of some blocks, without the taps that have none.
  func dependence(of chosen: [Int]) throws -> DependenceMatrix {
    let samples =
      minibatchSums?.samples(of: chosen)
      ?? chosen.reduce(0) { $0 + blocks.range(of: $1).count }
    guard samples >= estimator.minimumSamples else {
      throw ImportanceError(
        .tooFewSamples,
        """
        \(samples) samples are too few for the \(estimator) estimator of HSIC, which needs \
        \(estimator.minimumSamples)\(estimator == .minibatch ? " in a tile" : "")
        """)
    }
    let (values, scales) = values(of: chosen)
    let faults = taps.indices.map { fault(tap: $0, value: values[$0, $0], scale: scales[$0]) }
    let sound = taps.indices.filter { faults[$0] == nil }
    return DependenceMatrix(
      taps: sound.map { taps[$0] }, estimator: estimator, samples: samples,
      values: values.principalSubmatrix(sound), faults: faults.compactMap(\.self))
  }

  private func values(of chosen: [Int]) -> (values: Matrix, scales: [Double]) {
    if let minibatchSums { return minibatchSums.values(of: chosen) }
    guard let sums = pairSums?.sums(of: chosen) else { preconditionFailure("no sums") }
    let count = Double(sums.samples)
    return (sums.values(estimator), sums.products.diagonal.map { $0 / (count * count) })
  }

  private func fault(tap: Int, value: Double, scale: Double) -> TapFault? {
    if deadTiles[tap] == layout.tiles { return TapFault(tap: taps[tap], kind: .dead) }
    // Kernels are rounded to 2⁻²⁴: below its square (with room for sums) variation is rounding.
    let rounding = 1e-12 * scale
    if value > rounding { return nil }
    return TapFault(tap: taps[tap], kind: abs(value) <= rounding ? .constant : .undefined)
  }
}
