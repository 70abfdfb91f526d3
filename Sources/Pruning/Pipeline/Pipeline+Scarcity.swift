import Recovery

/// A layer that least squares fits on fewer positions than it has columns.
public struct ScarceLayer: Sendable, Hashable {
  public let name: String
  public let columns: Int
  /// Over all calibration images, at most.
  public let positions: Int
}

extension Pipeline {
  /// Layers with too few calibration images for their size, the most lacking first.
  ///
  /// Their fits are shrunk and damped, so they stay finite; they are worth less than others.
  public var scarceLayers: [ScarceLayer] {
    layers.map { layer in
      ScarceLayer(
        name: layer.name, columns: layer.geometry.columns,
        positions: definition.calibration.count
          * min(layer.geometry.positions, definition.recipe.gramPositions))
    }
    .filter { $0.positions < $0.columns }
    .sorted { $0.positions * $1.columns < $1.positions * $0.columns }
  }
}
