/// FPGM: the unit goes first whose filter is nearest to all others, because they can stand in for
/// it; the sum of Euclidean distances is least near the geometric median.
///
/// Reference: He et al., "Filter Pruning via Geometric Median", CVPR 2019.
public struct GeometricMedianCriterion: ChannelCriterion {
  public let name = "fpgm"
  public let summary = "the filter nearest to all others, near their geometric median"

  public init() {}

  public func removalOrder(of group: GroupEvidence) -> [Int]? {
    let filters = group.filters
    var sums = [Double](repeating: 0, count: filters.count)
    for i in filters.indices {
      for j in 0..<i {
        var square = 0.0
        for (a, b) in zip(filters[i], filters[j]) { square += (a - b) * (a - b) }
        sums[i] += square.squareRoot()
        sums[j] += square.squareRoot()
      }
    }
    return sums.ascendingPlaces()
  }
}
