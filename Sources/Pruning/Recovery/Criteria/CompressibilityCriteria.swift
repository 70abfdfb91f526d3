import Tensors

/// By contribution, with a floor from the effective number of inputs of the readers' neurons, N_q;
/// needs weights alone.
///
/// A unit's contribution is the norm of the weights that read it times the deviation that its
/// BatchNorm gives it. The floor is the mean over all neurons of the readers.
///
/// Reference: Yang et al., arXiv 2206.05604, for single weights. That whole channels are taken, and
/// η = 1, are ours.
public struct CompressibilityCriterion: ChannelCriterion {
  public let name = "lq"
  public let summary = "the least contribution by weights alone; widths from the l_q bound on"

  /// Of ‖·‖_q, and how much of the kept mass may be left out.
  static let (q, eta) = (0.5, 1.0)

  public init() {}

  public func removalOrder(of group: GroupEvidence) -> [Int]? {
    group.contributions.ascendingPlaces()
  }

  public func minimumWidth(of group: GroupEvidence) -> Int? {
    let deviations = group.deviations
    let counts = group.consumers.flatMap { consumer in
      (0..<consumer.outputs).compactMap { row in
        Compressibility.retainable(
          zip(consumer.norms(row: row), deviations).map { $0 * $1 }, q: Self.q, eta: Self.eta)
      }
    }
    guard !counts.isEmpty else { return nil }
    let mean = counts.reduce(0, +) / Double(counts.count)
    return min(max(1, Int(mean.rounded(.up))), group.units)
  }
}

/// By contribution, with SAP's floor from the PQ Index of the contributions of a whole layer; needs
/// weights alone.
///
/// Reference: Diao et al., ICLR 2023: p = 0.5, q = 1, at most nine tenths go. Channels in place of
/// single weights, one step in place of many with training between, and η = 1 are ours.
public struct SparsityIndexCriterion: ChannelCriterion {
  public let name = "pq-index"
  public let summary = "the least contribution by weights alone; widths from SAP's PQ bound on"

  public init() {}

  public func removalOrder(of group: GroupEvidence) -> [Int]? {
    group.contributions.ascendingPlaces()
  }

  public func minimumWidth(of group: GroupEvidence) -> Int? {
    Compressibility.retainable(group.contributions, p: 0.5, q: 1, eta: 1).map {
      max(1, group.units - Compressibility.removable(group.units, retainable: $0))
    }
  }
}

extension GroupEvidence {
  /// By unit: ‖W[:, unit]‖ · deviation over all readers, each relative to its own whole; the norm of
  /// the filters where there is no reader.
  public var contributions: [Double] {
    guard !consumers.isEmpty else {
      return filters.map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    }
    let deviations = deviations
    var squares = [Double](repeating: 0, count: units)
    for consumer in consumers {
      var own = [Double](repeating: 0, count: units)
      for row in 0..<consumer.outputs {
        for (unit, norm) in consumer.norms(row: row).enumerated() {
          own[unit] += norm * norm * deviations[unit] * deviations[unit]
        }
      }
      let whole = own.reduce(0, +)
      guard whole > 0 else { continue }
      for unit in own.indices { squares[unit] += own[unit] / whole }
    }
    return squares.map { $0.squareRoot() }
  }
}

extension ReconstructionConsumer {
  /// By unit: the norm of the weights by which one output reads it.
  fileprivate func norms(row: Int) -> [Double] {
    let start = row * gram.columns
    return unitColumns.map { columns in
      columns.reduce(0) { sum, column in
        let weight = Double(weights.elements[start + column])
        return sum + weight * weight
      }.squareRoot()
    }
  }
}
