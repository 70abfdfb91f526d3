/// The unit with the smallest filters goes first.
///
/// Reference: Li et al., "Pruning Filters for Efficient ConvNets", ICLR 2017. A unit that several
/// layers write counts with all its filters.
public struct MagnitudeCriterion: ChannelCriterion {
  public enum Norm: String, Sendable { case l1, l2 }

  public let norm: Norm
  public var name: String { norm.rawValue }
  public var summary: String {
    "the least \(norm == .l1 ? "sum of absolute values" : "Euclidean norm") of the filters' weights"
  }

  public init(norm: Norm) { self.norm = norm }

  public func removalOrder(of group: GroupEvidence) -> [Int]? {
    group.filters.map { filter in
      filter.reduce(0) { $0 + (norm == .l1 ? abs($1) : $1 * $1) }
    }.ascendingPlaces()
  }
}
