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

  public init(id: Int, name: String, width: Int, isProtected: Bool) {
    self.id = id
    self.name = name
    self.width = width
    self.isProtected = isProtected
  }
}

/// The most that a plan may take of one resource.
public struct ResourceLimit: Sendable, Hashable, Codable {
  /// A key of ``AllocationProblem/costs``.
  public var resource: String
  /// B, in the resource's unit (MACs, parameters or bytes).
  public var limit: Int64

  public init(resource: String, limit: Int64) {
    self.resource = resource
    self.limit = limit
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
  /// Costs by resource: `macs`, `parameters`, `model_bytes`; they grow with every width.
  public var costs: [String: CostPolynomial]
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
        resource: limit.resource, used: costs[limit.resource]?.value(widths: widths) ?? 0,
        limit: limit.limit)
    }
  }
}

/// How much of a budget a plan takes.
public struct BudgetUsage: Sendable, Hashable, Codable {
  public var resource: String
  public var used: Int64
  public var limit: Int64

  public init(resource: String, used: Int64, limit: Int64) {
    self.resource = resource
    self.used = used
    self.limit = limit
  }

  public var isWithin: Bool { used <= limit }
}
