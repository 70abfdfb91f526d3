/// Spearman's rank correlation: Pearson's of the ranks, equal values sharing their mean rank.
///
/// - Returns: −1…1; nil for fewer than two values or where all values of a side are equal.
public func rankCorrelation(_ x: [Double], _ y: [Double]) -> Double? {
  precondition(x.count == y.count, "\(x.count) and \(y.count) values to correlate")
  let (a, b) = (centredRanks(x), centredRanks(y))
  let (xx, yy) = (zip(a, a).dot, zip(b, b).dot)
  guard xx > 0, yy > 0 else { return nil }
  return min(1, max(-1, zip(a, b).dot / (xx * yy).squareRoot()))
}

/// Ranks less their mean; the mean rank where values are equal.
private func centredRanks(_ values: [Double]) -> [Double] {
  let order = values.indices.sorted { values[$0] < values[$1] }
  let mean = Double(values.count - 1) / 2
  var ranks = [Double](repeating: 0, count: values.count)
  var start = 0
  while start < order.count {
    var end = start + 1
    while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
    for place in start..<end { ranks[order[place]] = Double(start + end - 1) / 2 - mean }
    start = end
  }
  return ranks
}

extension Zip2Sequence where Sequence1 == [Double], Sequence2 == [Double] {
  fileprivate var dot: Double { reduce(0) { $0 + $1.0 * $1.1 } }
}
