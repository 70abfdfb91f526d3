/// Normalisation by stored statistics: y = scale · (x − mean) / √(variance + ε) + shift.
public struct BatchNormalization: Sendable, Hashable {
  public var epsilon: Float

  public init(epsilon: Float = 1e-5) { self.epsilon = epsilon }
}
