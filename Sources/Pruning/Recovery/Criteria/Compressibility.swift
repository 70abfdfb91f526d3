import Foundation

/// How few entries of a vector carry it: indices that need weights alone, and the bounds on
/// retainable entries that follow from them.
///
/// References: Yang et al., arXiv 2206.05604 (the ratio of norms, and its bound); Diao et al.,
/// "Pruning Deep Neural Networks from a Sparsity Perspective", ICLR 2023 (PQ Index, SAP).
public enum Compressibility {
  /// SI_q(w) = ‖w‖₁ / ‖w‖_q, 0 < q < 1: from d^(1−1/q) where all entries are equal to 1 where
  /// one alone is not 0. Nil for a vector of zeros.
  public static func ratio(_ w: [Double], q: Double) -> Double? {
    norm(w, q).map { (norm(w, 1) ?? 0) / $0 }
  }

  /// N_q(w) = (‖w‖_q / ‖w‖₁)^(q/(1−q)): the effective number of entries, 1…d. Nil for zeros.
  public static func effectiveCount(_ w: [Double], q: Double) -> Double? {
    ratio(w, q: q).map { pow($0, -q / (1 - q)) }
  }

  /// If the entries left out carry at most η of the |·|^q mass of those kept, at least
  /// N_q · (1+η)^(−1/(1−q)) are kept.
  public static func retainable(_ w: [Double], q: Double, eta: Double) -> Double? {
    effectiveCount(w, q: q).map { $0 * pow(1 + eta, -1 / (1 - q)) }
  }

  /// I_{p,q}(w) = 1 − d^(1/q − 1/p) ‖w‖_p / ‖w‖_q, p < q: 0 where all entries are equal, towards 1
  /// where few carry all. Nil for zeros.
  public static func sparsityIndex(_ w: [Double], p: Double, q: Double) -> Double? {
    norm(w, q).map { 1 - pow(Double(w.count), 1 / q - 1 / p) * (norm(w, p) ?? 0) / $0 }
  }

  /// r = d (1+η)^(−q/(q−p)) (1−I)^(pq/(q−p)): the same kind of bound, for the mass |·|^p.
  public static func retainable(
    _ w: [Double], p: Double, q: Double, eta: Double
  ) -> Double? {
    sparsityIndex(w, p: p, q: q).map { index in
      Double(w.count) * pow(1 + eta, -q / (q - p)) * pow(1 - index, p * q / (q - p))
    }
  }

  /// What SAP removes of d entries of which at least r are worth keeping:
  /// ⌊d · min(γ (1 − r/d), β)⌋.
  public static func removable(
    _ count: Int, retainable r: Double, gamma: Double = 1, beta: Double = 0.9
  ) -> Int {
    let share = min(gamma * (1 - r / Double(max(count, 1))), beta)
    return Int(max(0, Double(count) * share))
  }

  /// ‖w‖_p, scaled by the greatest entry so that no power overflows; nil for zeros.
  private static func norm(_ w: [Double], _ p: Double) -> Double? {
    let greatest = w.reduce(0) { max($0, abs($1)) }
    guard greatest > 0, greatest.isFinite else { return nil }
    return greatest * pow(w.reduce(0) { $0 + pow(abs($1) / greatest, p) }, 1 / p)
  }
}
