import Foundation

/// The unit goes first whose filters carry little information and resemble the others: capacity
/// plus independence, each from 0 to 1 within a layer, averaged over the layers that write it.
///
/// Reference: Tang et al., arXiv 2303.03645. Only its abstracts could be read: capacity as the
/// entropy of a histogram over the layer's range, independence as one less the mean |cosine|, and
/// equal weight of both are a reconstruction.
public struct CapacityCriterion: ChannelCriterion {
  public let name = "capacity"
  public let summary = "the least entropy and independence of filters (a reconstruction)"

  public init() {}

  public func removalOrder(of group: GroupEvidence) -> [Int]? {
    var scores = [Double](repeating: 0, count: group.units)
    for producer in group.producers {
      let capacities = FilterInformation.capacities(producer.foldedFilters).scaledToUnit
      let independence = FilterInformation.independence(producer.foldedFilters).scaledToUnit
      for unit in scores.indices { scores[unit] += capacities[unit] + independence[unit] }
    }
    return scores.ascendingPlaces()
  }
}

/// What filters tell by their weights alone.
public enum FilterInformation {
  /// Entropy of each filter's weights in nats, over bins of the range of the whole layer: a range of
  /// its own would hide a filter's scale. There are a quarter as many bins as weights, 2…32.
  public static func capacities(_ filters: [[Double]]) -> [Double] {
    let all = filters.joined()
    guard let least = all.min(), let greatest = all.max(), greatest > least else {
      return filters.map { _ in 0 }
    }
    let bins = min(32, max(2, (filters.first?.count ?? 0) / 4))
    return filters.map { filter in
      var counts = [Int](repeating: 0, count: bins)
      for weight in filter {
        let place = Int((weight - least) / (greatest - least) * Double(bins))
        counts[min(place, bins - 1)] += 1
      }
      return counts.reduce(0) { entropy, count in
        let share = Double(count) / Double(max(filter.count, 1))
        return count == 0 ? entropy : entropy - share * log(share)
      }
    }
  }

  /// One less the mean absolute cosine with the other filters, 0…1; a filter of zeros tells nothing
  /// and gets 0.
  public static func independence(_ filters: [[Double]]) -> [Double] {
    let norms = filters.map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    var sums = [Double](repeating: 0, count: filters.count)
    for i in filters.indices {
      for j in 0..<i {
        let product = zip(filters[i], filters[j]).reduce(0) { $0 + $1.0 * $1.1 }
        let norm = norms[i] * norms[j]
        let cosine = norm > 0 ? abs(product) / norm : 0
        sums[i] += cosine
        sums[j] += cosine
      }
    }
    return filters.indices.map { place in
      norms[place] > 0 ? 1 - sums[place] / Double(max(filters.count - 1, 1)) : 0
    }
  }
}

extension [Double] {
  /// From 0 for the least to 1 for the greatest; zeros where all are equal.
  fileprivate var scaledToUnit: [Double] {
    guard let least = self.min(), let greatest = self.max(), greatest > least else {
      return map { _ in 0 }
    }
    return map { ($0 - least) / (greatest - least) }
  }
}
