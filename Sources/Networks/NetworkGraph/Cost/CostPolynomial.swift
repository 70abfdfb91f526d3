/// Two groups whose widths are multiplied in a cost; `first` ≤ `second`.
public struct GroupPair: Hashable, Sendable, Codable, Comparable {
  public let first: Int
  public let second: Int

  public init(_ a: Int, _ b: Int) {
    first = min(a, b)
    second = max(a, b)
  }

  public static func < (a: GroupPair, b: GroupPair) -> Bool {
    (a.first, a.second) < (b.first, b.second)
  }
}

/// A cost of the network as an exact function of its widths:
/// c(w) = constant + Σ_g linear_g · w_g + Σ_{a ≤ b} products_ab · w_a · w_b.
///
/// A weight has at most two axes of channels, so MACs, parameters and bytes are all of this form.
public struct CostPolynomial: Sendable, Hashable {
  public var constant: Int64
  /// By group: cost per unit of width.
  public var linear: [Int: Int64]
  /// By pair of groups: cost per unit·unit; a pair may name one group twice.
  public var products: [GroupPair: Int64]

  public init(
    constant: Int64 = 0, linear: [Int: Int64] = [:], products: [GroupPair: Int64] = [:]
  ) {
    self.constant = constant
    self.linear = linear
    self.products = products
  }

  /// The cost of widths indexed by group.
  public func value(widths: [Int]) -> Int64 {
    var sum = constant
    for (group, factor) in linear { sum += factor * Int64(widths[group]) }
    for (pair, factor) in products {
      sum += factor * Int64(widths[pair.first]) * Int64(widths[pair.second])
    }
    return sum
  }

  /// Adds `factor` · a · b for two widths that are sums over groups.
  mutating func add(_ factor: Int64, _ a: AxisWidth, _ b: AxisWidth) {
    constant += factor * a.fixed * b.fixed
    for (group, count) in a.units { linear[group, default: 0] += factor * count * b.fixed }
    for (group, count) in b.units { linear[group, default: 0] += factor * count * a.fixed }
    for (first, m) in a.units {
      for (second, n) in b.units {
        products[GroupPair(first, second), default: 0] += factor * m * n
      }
    }
  }
}

/// Coded with its products in order: equal polynomials have equal text, and text has digests.
extension CostPolynomial: Codable {
  private struct Product: Codable {
    var first: Int
    var second: Int
    var factor: Int64
  }

  private enum CodingKeys: String, CodingKey { case constant, linear, products }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    constant = try container.decode(Int64.self, forKey: .constant)
    linear = try container.decode([Int: Int64].self, forKey: .linear)
    products = [:]
    for product in try container.decode([Product].self, forKey: .products) {
      products[GroupPair(product.first, product.second), default: 0] += product.factor
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(constant, forKey: .constant)
    try container.encode(linear, forKey: .linear)
    let sorted = products.sorted { $0.key < $1.key }.map {
      Product(first: $0.key.first, second: $0.key.second, factor: $0.value)
    }
    try container.encode(sorted, forKey: .products)
  }
}

/// The extent of an axis as fixed + Σ_g units_g · w_g.
struct AxisWidth {
  var fixed: Int64
  var units: [(group: Int, count: Int64)] = []
}
