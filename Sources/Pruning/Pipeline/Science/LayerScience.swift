import Importance

/// What the scores of a network's groups say of what cutting them does, as rank correlations.
public struct LayerScience: Sendable, Codable, Hashable {
  /// One group that can be pruned.
  public struct Row: Sendable, Codable, Hashable {
    public var group: String
    public var width: Int
    /// Relative squared change of the outputs when this group alone is pruned to a half of its
    /// width, and its readers are fitted.
    public var damage: Double
    /// Damage over the relative error of the readers' outputs.
    public var sensitivity: Double
    /// By name, as ``LayerScience/scores`` lists them.
    public var scores: [String: Double]
  }

  /// Spearman's rank correlation of a score over the groups; nil where all its values are equal.
  public struct Correlation: Sendable, Codable, Hashable {
    public var score: String
    public var meaning: String
    public var withDamage: Double?
    public var withSensitivity: Double?
  }

  public var model: String
  public var images: Int
  /// In the order of the network.
  public var rows: [Row]

  /// Every score, with what it is; those after `kept` look at the pruned features.
  static let scores = [
    ("nhsic-sum", "Σ nHSIC with the other groups' activations (ITPruner)"),
    ("nhsic-outputs", "nHSIC with the network's first output"),
    ("nhsic-corrected", "nHSIC with the output less the mean with the others"),
    ("effective", "N_q / d of the channels' contributions, q = 0.5"),
    ("pq-index", "PQ Index of the channels' contributions"),
    ("capacity", "mean entropy of the filters' weights (a reconstruction)"),
    ("independence", "mean independence of the filters (a reconstruction)"),
    ("width", "channels"),
    ("depth", "place in the network, from the input"),
    ("kept", "1 − nHSIC of the activation and its kept half"),
    ("kept-outputs", "kept × nHSIC with the output"),
    ("error", "relative error of the readers after least squares"),
    ("readers", "1 − nHSIC of the readers' outputs, dense and fitted"),
    ("readers-outputs", "error × nHSIC of the readers' outputs with the network's"),
    ("lost-outputs", "error × nHSIC of what the readers lost with the network's output"),
  ]

  /// How well each score tells what cutting does.
  public var correlations: [Correlation] {
    Self.scores.map { name, meaning in
      let values = rows.map { $0.scores[name] ?? 0 }
      return Correlation(
        score: name, meaning: meaning,
        withDamage: rankCorrelation(values, rows.map(\.damage)),
        withSensitivity: rankCorrelation(values, rows.map(\.sensitivity)))
    }
  }
}
