/// One option for every variable, at the greatest utility that several budgets allow.
///
/// maximise Σ_g u_g(x_g) subject to Σ_g c_kg(x_g) + Σ_(g,h) c_kgh(x_g, x_h) ≤ B_k for every
/// resource k, where x_g is the index of the option chosen for variable g; ``JointCost`` adds costs
/// of more than two variables. Costs may rise and fall with an option's index.
public struct ChoiceProblem: Sendable, Hashable, Codable {
  /// u_g, finite: `utilities[variable][option]`. Every variable has an option.
  public var utilities: [[Double]]
  public var resources: [ResourceConstraint]

  public init(utilities: [[Double]], resources: [ResourceConstraint]) {
    self.utilities = utilities
    self.resources = resources
  }

  /// Σ u of one option per variable.
  public func utility(of choice: [Int]) -> Double {
    var total = 0.0
    for (variable, option) in choice.enumerated() { total += utilities[variable][option] }
    return total
  }

  /// The cost of one option per variable, in every resource.
  public func costs(of choice: [Int]) -> [Int64] { resources.map { $0.cost(of: choice) } }

  /// Whether a choice stays within every budget.
  public func allows(_ choice: [Int]) -> Bool {
    resources.allSatisfy { $0.cost(of: choice) <= $0.limit }
  }

  /// Stops on tables of the wrong size: a mistake of the program that posed the problem.
  func checkSizes() {
    for (variable, options) in utilities.enumerated() {
      precondition(!options.isEmpty, "variable \(variable) has no option")
      precondition(options.allSatisfy(\.isFinite), "variable \(variable): utility not finite")
    }
    let counts = utilities.map(\.count)
    for resource in resources {
      precondition(
        resource.unary.map(\.count) == counts, "\(resource.name): costs do not match the options")
      for pair in resource.pairs {
        precondition(pair.first != pair.second, "\(resource.name): a pair of one variable")
        precondition(
          pair.costs.counts == (counts[pair.first], counts[pair.second]),
          "\(resource.name): pair (\(pair.first), \(pair.second)) does not match the options")
      }
      for joint in resource.joints {
        precondition(
          joint.fits(counts), "\(resource.name): a joint cost does not match the options")
      }
    }
  }
}

/// A budget and what every choice takes of it.
public struct ResourceConstraint: Sendable, Hashable, Codable {
  /// For messages.
  public var name: String
  /// B: the greatest cost allowed.
  public var limit: Int64
  /// Cost whatever is chosen.
  public var constant: Int64
  /// `unary[variable][option]`.
  public var unary: [[Int64]]
  /// Costs of two variables together; several on the same pair add up.
  public var pairs: [PairCost]
  /// Costs of sums of variables; they add up, too.
  public var joints: [JointCost]

  public init(
    name: String, limit: Int64, constant: Int64 = 0, unary: [[Int64]], pairs: [PairCost] = [],
    joints: [JointCost] = []
  ) {
    self.name = name
    self.limit = limit
    self.constant = constant
    self.unary = unary
    self.pairs = pairs
    self.joints = joints
  }

  /// The cost of one option per variable. Sums below 2⁵³ are exact everywhere in the solver.
  public func cost(of choice: [Int]) -> Int64 {
    var total = constant
    for (variable, option) in choice.enumerated() { total += unary[variable][option] }
    for pair in pairs { total += pair.costs[choice[pair.first], choice[pair.second]] }
    for joint in joints { total += joint.cost(of: choice) }
    return total
  }

  /// What costs are divided by before prices are set on them, so that prices compare.
  var scale: Double { Double(max(1, limit.magnitude)) }
}

/// A cost that two variables have together.
public struct PairCost: Sendable, Hashable, Codable {
  public var first: Int
  public var second: Int
  public var costs: PairTable

  public init(first: Int, second: Int, costs: PairTable) {
    self.first = first
    self.second = second
    self.costs = costs
  }
}

/// Costs of every pair of options.
public enum PairTable: Sendable, Hashable, Codable {
  /// `first[i] * second[j]`: a layer between two groups of channels.
  case product(first: [Int64], second: [Int64])
  /// `rows[i][j]`: anything measured.
  case table(rows: [[Int64]])

  public subscript(i: Int, j: Int) -> Int64 {
    switch self {
    case .product(let first, let second): first[i] * second[j]
    case .table(let rows): rows[i][j]
    }
  }

  /// The options of the first and the second variable.
  var counts: (Int, Int) {
    switch self {
    case .product(let first, let second): (first.count, second.count)
    case .table(let rows): (rows.count, rows.first?.count ?? 0)
    }
  }
}
