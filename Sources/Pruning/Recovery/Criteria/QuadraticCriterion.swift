import LinearAlgebra
import Solvers

/// The best half of the units to lose goes first by ``QuadraticObjective``, and each half is
/// ordered in the same way: genetic selection, and beside it greedy choice with exchanges on the
/// same objective.
///
/// Reference: Hu et al., arXiv 1805.11394. The objective and the constants are a reconstruction, and
/// the order by halves is ours: the paper chooses a set for one width.
public struct QuadraticCriterion: ChannelCriterion {
  public enum Search: String, Sendable {
    case genetic
    case swaps = "greedy-swap"
  }

  public let search: Search
  public var name: String { search.rawValue }
  public var summary: String {
    switch search {
    case .genetic: "evolution of the set whose loss hurts the readers least, uncompensated"
    case .swaps: "the same objective by greedy choice and exchanges"
    }
  }

  public init(search: Search) { self.search = search }

  public func removalOrder(of group: GroupEvidence) throws -> [Int]? {
    guard !group.consumers.isEmpty else { return nil }
    let q = try QuadraticObjective(group.consumers, units: group.units).matrix
    let problem = SubsetProblem(quadratic: q.elements)
    return switch search {
    case .genetic: SubsetEvolution().order(problem)
    case .swaps: SwapSearch().order(problem)
    }
  }
}
