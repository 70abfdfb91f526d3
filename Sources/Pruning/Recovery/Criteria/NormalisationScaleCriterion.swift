/// The unit that its BatchNorm scales least goes first; the mean |γ| where there are several.
///
/// Groups without a BatchNorm (it may have been folded into the layer) go by the norm of their
/// filters instead. Reference: Liu et al., "Network Slimming", ICCV 2017, without its training.
public struct NormalisationScaleCriterion: ChannelCriterion {
  public let name = "bn-scale"
  public let summary = "the least |scale| of the BatchNorms; l2 where a group has none"

  public init() {}

  public func removalOrder(of group: GroupEvidence) throws -> [Int]? {
    guard !group.scales.isEmpty else {
      return MagnitudeCriterion(norm: .l2).removalOrder(of: group)
    }
    return (0..<group.units).map { unit in
      group.scales.reduce(0) { $0 + $1[unit] } / Double(group.scales.count)
    }.ascendingPlaces()
  }
}
