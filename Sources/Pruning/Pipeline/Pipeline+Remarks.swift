import Recovery

extension Pipeline {
  /// What a user should know before anything is computed: which layers have more input columns than
  /// the calibration images give positions to fit them on.
  public var remarks: [String] {
    let images = split.fitted.reduce(0) { $0 + calibration.images(inShard: $1) }
    let scarce = layers.compactMap { layer -> (layer: ConsumerLayer, positions: Int)? in
      let stride = layer.geometry.positionStride(
        positionsPerImage: positionsPerImage)
      let positions = images * layer.geometry.positions / stride
      return positions < layer.geometry.columns ? (layer, positions) : nil
    }
    guard let worst = scarce.min(by: { $0.positions < $1.positions }) else { return [] }
    let others = scarce.count > 1 ? ", and \(scarce.count - 1) layers like it," : ""
    return [
      """
      layer "\(worst.layer.name)"\(others) has \(worst.layer.geometry.columns) input columns and \
      \(images) calibration images give it \(worst.positions) positions: \
      its fit is damped; more images make it better
      """
    ]
  }
}
