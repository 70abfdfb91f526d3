/// What the last bits of scores depend on beside model, data and recipe.
public struct ScoreProvenance: Codable, Sendable, Hashable {
  public var kernel: String
  /// Of the RBF kernel, by tap.
  public var bandwidths: [String: Double]?
  /// Images in a tile, and images that go through the network together.
  public var tileSize: Int
  public var microBatch: Int
  /// Backend, libraries and instruction set of the workers that computed the tiles, as far as they
  /// are known: more than one where machines were mixed.
  public var computedBy: [String]

  public var isMixed: Bool { computedBy.count > 1 }

  enum CodingKeys: String, CodingKey {
    case kernel, bandwidths
    case tileSize = "tile_size"
    case microBatch = "micro_batch"
    case computedBy = "computed_by"
  }
}
