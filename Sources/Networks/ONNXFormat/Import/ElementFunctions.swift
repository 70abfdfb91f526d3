import Foundation

/// Functions of single numbers that are computed at import, by their name in ONNX.
enum ElementFunctions {
  static let all: [String: @Sendable (Float) -> Float] = [
    "Abs": { abs($0) }, "Neg": { -$0 }, "Floor": { $0.rounded(.down) },
    "Ceil": { $0.rounded(.up) }, "Round": { $0.rounded(.toNearestOrEven) },
    "Sqrt": { $0.squareRoot() }, "Exp": { exp($0) }, "Log": { log($0) },
    "Reciprocal": { 1 / $0 }, "Sin": { sin($0) }, "Cos": { cos($0) }, "Tanh": { tanh($0) },
    "Sigmoid": { 1 / (1 + exp(-$0)) }, "Relu": { max($0, 0) }, "Erf": { erf($0) },
  ]

  static func power(_ base: Float, _ exponent: Float) -> Float { pow(base, exponent) }
}
