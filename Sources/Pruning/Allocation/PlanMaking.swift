import NetworkGraph
import Solvers

extension AllocationProblem {
  /// The budget that no plan can meet by itself, of several the one exceeded by most.
  func unreachableBudget(grids: [[Int]]) -> InfeasibleBudget? {
    let over = leastUsage(grids: grids).filter { !$0.isWithin }
    let worst = over.max {
      Double($0.used) / Double(max($0.limit, 1)) < Double($1.used) / Double(max($1.limit, 1))
    }
    return worst.map {
      InfeasibleBudget(resource: $0.resource, limit: $0.limit, leastReachable: $0.used)
    }
  }

  /// The least of every resource over all plans. Where costs grow with every width, the narrowest
  /// plan takes the least of all; times of layers need not.
  private func leastUsage(grids: [[Int]]) -> [BudgetUsage] {
    var usage = usage(widths: grids.map { $0[0] })
    guard !isMonotone else { return usage }
    let choices = choices(grids: grids)
    for (constraint, owner) in owners.enumerated()
    where layers[limits[owner].resource]?.isEmpty == false {
      usage[owner].used = limits[owner].amount(of: LagrangianSolver().least(constraint, choices))
    }
    return usage
  }

  /// The plan of some widths, with the bound at the best prices. Widths over a budget, which a
  /// strategy that only ever narrows can end at where times do not fall with widths, are replaced
  /// by the certified ones.
  func plan(widths: [Int], choices: ChoiceProblem, strategy: String) -> AllocationOutcome {
    guard usage(widths: widths).allSatisfy(\.isWithin) else {
      return outcome(of: LagrangianSolver().solve(choices), grids: grids(), strategy: strategy)
    }
    let objective = utility(widths: widths)
    let bound = max(LagrangianSolver().bound(choices), objective)
    return .plan(
      PruningPlanWidths(
        widths: widths, objective: objective, bound: bound,
        gap: (bound - objective) / max(abs(objective), 1e-9), usage: usage(widths: widths),
        strategy: strategy))
  }

  /// The plan on the grid that is near to wanted widths, which need be neither whole nor within
  /// the budgets: each to the nearest grid width; then, over a budget, the group that stands
  /// furthest above what was wanted goes down by one; then those below go up where there is room.
  func rounded(_ wanted: [Double], grids: [[Int]], strategy: String) -> AllocationOutcome {
    if let reason = unreachableBudget(grids: grids) { return .infeasible(reason) }
    let choices = choices(grids: grids)
    var choice = zip(grids, wanted).map { grid, width in
      grid.indices.min { abs(Double(grid[$0]) - width) < abs(Double(grid[$1]) - width) } ?? 0
    }
    func excess(_ group: Int) -> Double {
      (Double(grids[group][choice[group]]) - wanted[group]) / Double(groups[group].width)
    }
    while !choices.allows(choice) {
      let open = choice.indices.filter { choice[$0] > 0 }
      guard let highest = open.max(by: { excess($0) < excess($1) }) else { break }
      choice[highest] -= 1
    }
    for group in choice.indices.sorted(by: { (excess($0), $0) < (excess($1), $1) })
    where excess(group) < 0 && choice[group] < grids[group].count - 1 {
      choice[group] += 1
      if !choices.allows(choice) { choice[group] -= 1 }
    }
    return plan(widths: zip(grids, choice).map { $0[$1] }, choices: choices, strategy: strategy)
  }

  /// A limited cost as a function of keep ratios: of steps the one that is greatest at the dense
  /// widths, of a layer's times what joins those of its corners.
  func quadraticCost(of limit: ResourceLimit) -> QuadraticCost {
    let widths = groups.map { Double($0.width) }
    let dense = groups.map(\.width)
    var polynomials = [costs[limit.resource] ?? CostPolynomial()]
    if let step = steps[limit.resource]?.max(by: {
      $0.value(widths: dense) < $1.value(widths: dense)
    }) {
      polynomials.append(step)
    }
    var result = QuadraticCost(constant: 0, linear: widths.map { _ in 0 })
    for cost in polynomials {
      result.constant += Double(cost.constant)
      for (group, factor) in cost.linear { result.linear[group] += Double(factor) * widths[group] }
      result.pairs += cost.products.sorted { $0.key < $1.key }.map { pair, factor in
        .init(
          pair.first, pair.second, Double(factor) * widths[pair.first] * widths[pair.second])
      }
    }
    for layer in layers[limit.resource] ?? [] { result.add(layer, widths: dense) }
    return result
  }

  /// One number for how much each group matters, whatever its utility: the I of `log` and
  /// `linear`; of measured errors, the I of the `log` utility that loses as much at half the width.
  var importances: [Double] {
    zip(groups, utilities).map { group, utility in
      switch utility {
      case .log(let importance), .linear(let importance): return importance
      case .error(let table, let weight):
        let half = table.keys.min {
          (abs(2 * $0 - group.width), $0) < (abs(2 * $1 - group.width), $1)
        }
        return weight * (half.flatMap { table[$0] } ?? 0) / 0.6931471805599453
      }
    }
  }
}

extension QuadraticCost {
  /// Adds a + b x + c y + d x y through a layer's times at the dense channels and at an eighth of
  /// them; what would fall with a width is left out.
  fileprivate mutating func add(_ layer: LayerCost, widths: [Int]) {
    let (x, y) = (layer.input.value(widths: widths), layer.output.value(widths: widths))
    let (s, t) = (max(x / 8, 1), max(y / 8, 1))
    func time(_ x: Int, _ y: Int) -> Double { Double(layer.value(input: x, output: y)) }
    let spans = (x: Double(max(x - s, 1)), y: Double(max(y - t, 1)))
    let product = max(time(x, y) - time(s, y) - time(x, t) + time(s, t), 0) / (spans.x * spans.y)
    let byInput = max((time(x, t) - time(s, t)) / spans.x - product * Double(t), 0)
    let byOutput = max((time(s, y) - time(s, t)) / spans.y - product * Double(s), 0)
    let rest = time(x, y) - product * Double(x * y) - byInput * Double(x) - byOutput * Double(y)
    constant += max(rest, 0)
    func terms(_ extent: ChannelExtent) -> [(group: Int, channels: Double)] {
      extent.units.map { ($0.group, Double($0.count * widths[$0.group])) }
    }
    let (inputs, outputs) = (terms(layer.input), terms(layer.output))
    let fixed = (x: Double(layer.input.fixed), y: Double(layer.output.fixed))
    constant += byInput * fixed.x + byOutput * fixed.y + product * fixed.x * fixed.y
    for term in inputs { linear[term.group] += (byInput + product * fixed.y) * term.channels }
    for term in outputs { linear[term.group] += (byOutput + product * fixed.x) * term.channels }
    for a in inputs {
      for b in outputs {
        pairs.append(.init(a.group, b.group, product * a.channels * b.channels))
      }
    }
  }
}
