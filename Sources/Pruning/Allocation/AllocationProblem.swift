import Devices
import NetworkGraph

/// A group of channels whose width may be chosen.
public struct GroupVariable: Sendable, Hashable, Codable {
  /// The group's place in the network's coupling, 0 for the first.
  public var id: Int
  public var name: String
  /// W: the width of the dense network, in channels.
  public var width: Int
  /// A protected group keeps its dense width.
  public var isProtected: Bool
  /// What stands at its axes, for alignment by operator; nil where it is not known.
  public var operators: [AlignedOperator]?
  /// Widths below the dense one are multiples of this; nil for the problem's.
  public var multiple: Int?
  /// The least and the greatest width that may be chosen.
  public var minimum: Int?
  public var maximum: Int?

  public init(
    id: Int, name: String, width: Int, isProtected: Bool, operators: [AlignedOperator]? = nil,
    multiple: Int? = nil, minimum: Int? = nil, maximum: Int? = nil
  ) {
    self.id = id
    self.name = name
    self.width = width
    self.isProtected = isProtected
    self.operators = operators
    self.multiple = multiple
    self.minimum = minimum
    self.maximum = maximum
  }
}

/// The most that a plan may take of one resource.
public struct ResourceLimit: Sendable, Hashable, Codable {
  /// A key of ``AllocationProblem/costs``.
  public var resource: String
  /// B, in the resource's unit (MACs, parameters or bytes).
  public var limit: Int64
  /// How many units of the cost make one of the limit, rounded up; nil for one. Weights of 4 bits
  /// cost 4 each in bits, and 8 bits make a byte.
  public var divisor: Int64?

  public init(resource: String, limit: Int64, divisor: Int64? = nil) {
    self.resource = resource
    self.limit = limit
    self.divisor = divisor
  }

  /// The limit in units of the cost: ⌈cost / divisor⌉ ≤ limit exactly where cost ≤ this.
  var limitOfCost: Int64 {
    let (product, isOver) = limit.multipliedReportingOverflow(by: divisor ?? 1)
    return isOver ? .max / 4 : product
  }

  /// A cost in units of the limit.
  func amount(of cost: Int64) -> Int64 {
    let divisor = divisor ?? 1
    return cost / divisor + (cost % divisor > 0 ? 1 : 0)
  }
}

/// Widths to be chosen for one device.
///
/// maximise Σ_g u_g(w_g) subject to c_k(w) ≤ B_k for every limit k, w_g on the group's grid.
public struct AllocationProblem: Sendable, Hashable, Codable {
  /// In the order of their ids, 0, 1, ….
  public var groups: [GroupVariable]
  /// What each group's width is worth, in the order of `groups`.
  public var utilities: [Utility]
  /// Costs by resource, as budgets name it: `macs`, `parameters`, …; they grow with every width.
  public var costs: [String: CostPolynomial]
  /// By resource: costs of layers that add to it, which may rise and fall with a width.
  public var layers: [String: [LayerCost]] = [:]
  /// By resource: steps of the execution, of which the greatest adds to it; they grow with every
  /// width, too.
  public var steps: [String: [CostPolynomial]] = [:]
  public var limits: [ResourceLimit]
  /// Widths below the dense one are multiples of this.
  public var channelMultiple: Int
  /// The least share of a group's width that must stay, 0…1.
  public var minimumKeepRatio: Double

  public init(
    groups: [GroupVariable], utilities: [Utility], costs: [String: CostPolynomial],
    limits: [ResourceLimit], channelMultiple: Int = 1, minimumKeepRatio: Double = 0
  ) {
    self.groups = groups
    self.utilities = utilities
    self.costs = costs
    self.limits = limits
    self.channelMultiple = channelMultiple
    self.minimumKeepRatio = minimumKeepRatio
  }

  /// What widths, indexed by group, take of every limited resource.
  public func usage(widths: [Int]) -> [BudgetUsage] {
    limits.map { limit in
      BudgetUsage(
        resource: limit.resource,
        used: limit.amount(of: cost(of: limit.resource, widths: widths)), limit: limit.limit,
        source: (layers[limit.resource] ?? []).map { $0.source(widths: widths) }.max())
    }
  }

  /// What widths, indexed by group, cost of a resource.
  func cost(of resource: String, widths: [Int]) -> Int64 {
    var sum = costs[resource]?.value(widths: widths) ?? 0
    for layer in layers[resource] ?? [] { sum += layer.value(widths: widths) }
    return sum + ((steps[resource] ?? []).map { $0.value(widths: widths) }.max() ?? 0)
  }

  /// Whether a narrower plan never costs more.
  var isMonotone: Bool { limits.allSatisfy { (layers[$0.resource] ?? []).isEmpty } }
}

/// How much of a budget a plan takes.
public struct BudgetUsage: Sendable, Hashable, Codable {
  public var resource: String
  public var used: Int64
  public var limit: Int64
  /// How the least certain part of what is used is known; nil where it is counted.
  public var source: LatencySurface.Source?

  public init(
    resource: String, used: Int64, limit: Int64, source: LatencySurface.Source? = nil
  ) {
    self.resource = resource
    self.used = used
    self.limit = limit
    self.source = source
  }

  public var isWithin: Bool { used <= limit }

  /// "macs 12 of 20"; "latency 4.2 ms of 5 ms (estimated)".
  public var text: String { "\(resource) \(amounts)" }

  var amounts: String {
    let amounts = [used, limit].map { BudgetResource.text($0, of: resource) }
    let mark = source.map { $0 == .measured ? "" : " (\($0.rawValue))" } ?? ""
    return "\(amounts[0]) of \(amounts[1])\(mark)"
  }
}
