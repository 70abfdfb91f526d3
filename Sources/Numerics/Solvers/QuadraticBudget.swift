/// A cost of keep ratios x: constant + Σ linear_i x_i + Σ pairs c x_i x_j, where a pair may name one
/// variable twice. All numbers but the constant are at least 0.
public struct QuadraticCost: Sendable, Hashable {
  public struct Pair: Sendable, Hashable {
    public var first: Int
    public var second: Int
    public var factor: Double

    public init(_ first: Int, _ second: Int, _ factor: Double) {
      self.first = first
      self.second = second
      self.factor = factor
    }
  }

  public var constant: Double
  public var linear: [Double]
  public var pairs: [Pair]

  public init(constant: Double = 0, linear: [Double], pairs: [Pair] = []) {
    self.constant = constant
    self.linear = linear
    self.pairs = pairs
  }

  public func value(_ x: [Double]) -> Double {
    var sum = constant
    for (factor, ratio) in zip(linear, x) { sum += factor * ratio }
    for pair in pairs { sum += pair.factor * x[pair.first] * x[pair.second] }
    return sum
  }

  /// ∂cost / ∂x.
  public func gradient(_ x: [Double]) -> [Double] {
    var result = linear
    for pair in pairs {
      result[pair.first] += pair.factor * x[pair.second]
      result[pair.second] += pair.factor * x[pair.first]
    }
    return result
  }
}
