import NetworkGraph

extension OperatorGoldenTests {
  /// The resizes of Fixtures/generate_operators.py, by the same names.
  static let resizes: [String: Operator] = [
    "resize-nearest-round_prefer_floor": nearest(.roundPreferFloor),
    "resize-nearest-round_prefer_ceil": nearest(.roundPreferCeiling),
    "resize-nearest-floor": nearest(.floor), "resize-nearest-ceil": nearest(.ceiling),
    "resize-linear-half_pixel": linear(.halfPixel),
    "resize-linear-half_pixel_symmetric": linear(.halfPixelSymmetric),
    "resize-linear-pytorch_half_pixel": linear(.pytorchHalfPixel, width: 1),
    "resize-linear-align_corners": linear(.alignCorners),
    "resize-linear-asymmetric": linear(.asymmetric),
    "resize-cubic-half_pixel": cubic(.halfPixel),
    "resize-cubic-half_pixel_symmetric": cubic(.halfPixelSymmetric),
    "resize-cubic-pytorch_half_pixel": cubic(.pytorchHalfPixel),
    "resize-cubic-align_corners": .resize(
      Resize(
        mode: .cubic(coefficient: -0.75), coordinates: .alignCorners, scales: [1, 1, 2, 7.0 / 5],
        sizes: [1, 1, 8, 7])),
    "resize-cubic-asymmetric": cubic(.asymmetric),
    "resize-align-corners-fractional": .resize(
      Resize(mode: .linear, coordinates: .alignCorners, scales: [1, 1, 0.7, 0.6])),
    "resize-cubic-outside": .resize(
      Resize(
        mode: .cubic(coefficient: -0.5), coordinates: .halfPixel, scales: [1, 1, 2, 1.75],
        excludesOutside: true)),
    "resize-linear-antialias": .resize(
      Resize(
        mode: .linear, coordinates: .halfPixel, scales: [1, 1, 3.0 / 7, 4.0 / 6],
        sizes: [1, 1, 3, 4], antialiases: true)),
    "resize-cubic-antialias": .resize(
      Resize(
        mode: .cubic(coefficient: -0.75), coordinates: .halfPixel, scales: [1, 1, 0.5, 0.6],
        antialiases: true)),
    "resize-linear-3d": .resize(
      Resize(mode: .linear, coordinates: .halfPixel, scales: [1, 1, 2, 1.5, 3])),
  ]

  private static func nearest(_ rounding: Resize.Rounding) -> Operator {
    .resize(
      Resize(mode: .nearest(rounding), coordinates: .halfPixel, scales: [1, 1, 1.75, 0.5]))
  }

  private static func linear(_ coordinates: Resize.Coordinates, width: Int = 3) -> Operator {
    .resize(
      Resize(
        mode: .linear, coordinates: coordinates, scales: [1, 1, 5.0 / 3, Float(width) / 4],
        sizes: [1, 2, 5, width]))
  }

  private static func cubic(_ coordinates: Resize.Coordinates) -> Operator {
    .resize(
      Resize(
        mode: .cubic(coefficient: -0.75), coordinates: coordinates, scales: [1, 1, 2, 1.5]))
  }
}
