import NetworkGraph
import Solvers

/// The problem as the solver takes it.
extension AllocationProblem {
  /// The problem in options of a grid: the index of a width stands for the width. A limit on the
  /// greatest of several steps becomes a constraint for each.
  func choices(grids: [[Int]]) -> ChoiceProblem {
    let values = grids.indices.map { group in
      grids[group].map { utilities[group].value(width: $0, dense: groups[group].width) ?? 0 }
    }
    let resources = limits.flatMap { limit -> [ResourceConstraint] in
      let cost = costs[limit.resource] ?? CostPolynomial()
      var fixed = constraint(limit, cost, grids: grids)
      for layer in layers[limit.resource] ?? [] { fixed.add(layer.joint(grids: grids)) }
      let joined = fixed.withPairsJoined()
      guard let steps = steps[limit.resource], !steps.isEmpty else { return [joined] }
      return steps.map { step in
        var result = joined
        let varying = constraint(limit, step, grids: grids)
        result.constant += varying.constant
        for group in grids.indices {
          for option in grids[group].indices {
            result.unary[group][option] += varying.unary[group][option]
          }
        }
        result.pairs += varying.pairs
        return result
      }
    }
    return ChoiceProblem(utilities: values, resources: resources)
  }

  /// By constraint of ``choices(grids:)``: the limit that it belongs to.
  var owners: [Int] {
    limits.indices.flatMap { index in
      [Int](repeating: index, count: max(steps[limits[index].resource]?.count ?? 1, 1))
    }
  }

  private func constraint(
    _ limit: ResourceLimit, _ cost: CostPolynomial, grids: [[Int]]
  ) -> ResourceConstraint {
    let widths = grids.map { $0.map(Int64.init) }
    var unary = widths.map { $0.map { _ in Int64(0) } }
    for (group, factor) in cost.linear {
      for (option, width) in widths[group].enumerated() { unary[group][option] += factor * width }
    }
    var pairs: [PairCost] = []
    for (pair, factor) in cost.products.sorted(by: { $0.key < $1.key }) {
      if pair.first == pair.second {
        for (option, width) in widths[pair.first].enumerated() {
          unary[pair.first][option] += factor * width * width
        }
      } else {
        pairs.append(
          PairCost(
            first: pair.first, second: pair.second,
            costs: .product(
              first: widths[pair.first].map { factor * $0 }, second: widths[pair.second])))
      }
    }
    return ResourceConstraint(
      name: limit.resource, limit: limit.limitOfCost, constant: cost.constant, unary: unary,
      pairs: pairs)
  }
}

extension ResourceConstraint {
  /// Adds a layer's costs: of one group, of two, or of sums of several.
  fileprivate mutating func add(_ layer: JointSides) {
    let groups = layer.groups
    switch groups.count {
    case 0: constant += layer.cost { _ in 0 }
    case 1:
      for option in unary[groups[0]].indices {
        unary[groups[0]][option] += layer.cost { _ in option }
      }
    case 2:
      let (a, b) = (groups[0], groups[1])
      pairs.append(
        PairCost(
          first: a, second: b,
          costs: .table(
            rows: unary[a].indices.map { i in
              unary[b].indices.map { j in layer.cost { $0 == a ? i : j } }
            })))
    default:
      func terms(_ side: JointSides.Side) -> [JointCost.Term] {
        side.terms.map { .init(variable: $0.group, steps: $0.steps) }
      }
      joints.append(
        JointCost(
          first: terms(layer.rows), second: terms(layer.columns), table: layer.table,
          columns: layer.columns.count))
    }
  }

  /// The same with one table for each pair of groups, and one joint cost for equal sums.
  fileprivate func withPairsJoined() -> ResourceConstraint {
    var tables: [GroupPair: [[Int64]]] = [:]
    var result = self
    result.pairs = []
    for pair in pairs {
      guard case .table(let rows) = pair.costs else {
        result.pairs.append(pair)
        continue
      }
      let key = GroupPair(pair.first, pair.second)
      tables[key] =
        tables[key].map { known in
          zip(known, rows).map { zip($0, $1).map { $0 + $1 } }
        } ?? rows
    }
    for (key, rows) in tables.sorted(by: { $0.key < $1.key }) {
      result.pairs.append(
        PairCost(first: key.first, second: key.second, costs: .table(rows: rows)))
    }
    result.joints = []
    for joint in joints {
      let same = result.joints.firstIndex { $0.first == joint.first && $0.second == joint.second }
      if let same {
        for place in joint.table.indices { result.joints[same].table[place] += joint.table[place] }
      } else {
        result.joints.append(joint)
      }
    }
    return result
  }
}
