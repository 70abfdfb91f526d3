import LinearAlgebra
import Solvers

/// Each unit gets a factor β on what it gives to the readers; the readers' outputs are fitted with a
/// price on Σ|β|, and the units whose factors stay 0 for the longest while the price falls go first.
///
///     minimise  ½ ‖Y − Σ_i β_i X_i W_iᵀ‖² / ‖Y‖² + λ ‖β‖₁
///
/// by coordinate descent on the second moments of X_i W_iᵀ, which are ``QuadraticObjective``'s. Least
/// squares then follows as for every criterion.
///
/// Reference: He, Zhang and Sun, "Channel Pruning for Accelerating Very Deep Neural Networks", ICCV
/// 2017. There λ is raised until a given number is left; the order along the path is ours, and does
/// the same for every width where the path is monotone.
public struct LassoCriterion: ChannelCriterion {
  public let name = "lasso"
  public let summary = "what enters last as the LASSO's penalty on channels falls (He 2017)"

  /// Penalties of the path, and the share of the first that the last one is.
  private static let (steps, ratio) = (200, 1e-4)

  public init() {}

  public func removalOrder(of group: GroupEvidence) throws -> [Int]? {
    guard !group.consumers.isEmpty else { return nil }
    let q = try QuadraticObjective(group.consumers, units: group.units).matrix
    let n = group.units
    // The target is what all units give together: β = 1 everywhere fits it exactly.
    let target = (0..<n).map { i in (0..<n).reduce(0) { $0 + q[i, $1] } }
    let lasso = LassoProblem(quadratic: q.elements, linear: target)
    let path = lasso.path(penalties: lasso.penalties(Self.steps, ratio: Self.ratio))
    let entries = (0..<n).map { unit in
      path.firstIndex { $0[unit] != 0 } ?? path.count
    }
    // Those that enter together, or never, by what they contribute then.
    let contributions = (0..<n).map { unit in
      (entries[unit] < path.count ? abs(path[entries[unit]][unit]) : 1) * q[unit, unit]
    }
    return (0..<n).sorted {
      (-entries[$0], contributions[$0], $0) < (-entries[$1], contributions[$1], $1)
    }
  }
}
