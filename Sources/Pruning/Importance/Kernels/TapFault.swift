/// What is wrong with a tap, so that it has no dependence to measure.
public struct TapFault: Sendable, Hashable, Codable, CustomStringConvertible {
  public enum Kind: String, Sendable, Hashable, Codable {
    /// A feature that is not a number.
    case notANumber
    /// An infinite feature.
    case infinite
    /// Finite features whose products are not.
    case overflow
    /// Every feature of every image is zero.
    case dead
    /// The features are the same for every image, but for rounding.
    case constant
    /// Its unbiased dependence on itself is not positive: too few images to tell it from noise.
    case undefined
  }

  public let tap: String
  public let kind: Kind
  /// The tile of the first image concerned; nil where it is all of them.
  public let tile: Int?
  /// The first image concerned, counted within the tile.
  public let image: Int?

  public init(tap: String, kind: Kind, tile: Int? = nil, image: Int? = nil) {
    self.tap = tap
    self.kind = kind
    self.tile = tile
    self.image = image
  }

  public var description: String {
    let place =
      switch (tile, image) {
      case (let tile?, let image?): ", first in image \(image) of tile \(tile)"
      case (let tile?, nil): ", first in tile \(tile)"
      default: ""
      }
    let what =
      switch kind {
      case .notANumber: "has features that are not a number"
      case .infinite: "has infinite features"
      case .overflow: "has features whose products overflow"
      case .dead: "is zero everywhere"
      case .constant: "does not vary"
      case .undefined: "cannot be told from noise with so few images"
      }
    return "'\(tap)' \(what)\(place)"
  }
}

extension TapFault {
  /// Why kernels of these tiles are not finite: the first image whose features are not, or overflow.
  init(
    first: TileFeatures, second: TileFeatures? = nil, tap: String, tile: Int, secondTile: Int = 0
  ) {
    for (features, tile) in [(first, tile)] + (second.map { [($0, secondTile)] } ?? []) {
      if let (image, kind) = features.firstNonFinite() {
        self.init(tap: tap, kind: kind, tile: tile, image: image)
        return
      }
    }
    self.init(tap: tap, kind: .overflow, tile: tile)
  }
}
