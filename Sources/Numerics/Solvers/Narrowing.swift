extension Search {
  /// Looks for better plans among the few options that such plans can have.
  ///
  /// At the root's prices every plan is worth at most the bound, and one with an option far from
  /// the best plan there much less: where the plans beyond some option bound no better than the
  /// target, the option and those beyond it are out. What is left is a small problem, branched on
  /// at a small part of the price.
  ///
  /// - Returns: A bound for all plans not dealt with; nil where too little can be cut away.
  mutating func solveNarrowed(_ root: Node) -> Double? {
    let ranges = narrowed(root)
    let options = coarsening.ranges(ranges)
    let (before, after) = (
      problem.utilities.reduce(0) { $0 + $1.count }, options.reduce(0) { $0 + $1.count }
    )
    guard Double(after) < 0.8 * Double(before) else { return nil }
    closed = max(closed, target)
    var inner = Search(problem.restricted(to: options), solver: solver.deeper)
    if let plan = best.first?.choice, zip(options, plan).allSatisfy({ $0.contains($1) }) {
      inner.meet(zip(options, plan).map { $1 - $0.lowerBound })
    }
    let solution = inner.run(limits: problem.resources.map(\.limit), count: 1)[0]
    if !solution.choice.isEmpty {
      meet(zip(options, solution.choice).map { $0.lowerBound + $1 })
    }
    return solution.bound
  }

  /// The ranges of options outside of which no plan is better than the target.
  private mutating func narrowed(_ root: Node) -> [ClosedRange<Int>] {
    var ranges = root.ranges
    let prices = root.outcome.prices
    let centre = relaxation.best(at: prices, ranges: ranges)
    let slack = max(root.outcome.bound - target, 1e-12)
    // The widest first: the others then cost less to look at.
    let order = ranges.indices.sorted { (ranges[$1].count, $0) < (ranges[$0].count, $1) }
    for variable in order where ranges[variable].count > 1 {
      let losses = relaxation.losses(variable, around: centre, prices: prices)
      let middle = centre[variable]
      for isUpper in [false, true] {
        // Others can make up for some of what a move costs.
        for factor in [3.0, 20, 150] {
          let beyond =
            isUpper
            ? ((middle + 1)..<(ranges[variable].upperBound + 1)).first {
              losses[$0] >= factor * slack
            }
            : (ranges[variable].lowerBound..<middle).last { losses[$0] >= factor * slack }
          guard let beyond else { break }
          var outside = ranges
          outside[variable] =
            isUpper
            ? beyond...ranges[variable].upperBound : ranges[variable].lowerBound...beyond
          if relaxation.bound(at: prices, ranges: outside) <= target {
            ranges[variable] =
              isUpper
              ? ranges[variable].lowerBound...(beyond - 1)
              : (beyond + 1)...ranges[variable].upperBound
            break
          }
        }
      }
    }
    return ranges
  }
}

extension LagrangianSolver {
  /// For a problem of few options, whose nodes cost little.
  fileprivate var deeper: LagrangianSolver {
    var solver = self
    solver.nodeLimit = max(nodeLimit, 3000)
    return solver
  }
}

extension Coarsening {
  /// The options of the problem in ranges of cells.
  fileprivate func ranges(_ ranges: [ClosedRange<Int>]) -> [ClosedRange<Int>] {
    zip(cells, ranges).map {
      $0[$1.lowerBound].lowerBound...($0[$1.upperBound].upperBound - 1)
    }
  }
}

extension ChoiceProblem {
  /// The same with the options of some ranges alone.
  func restricted(to ranges: [ClosedRange<Int>]) -> ChoiceProblem {
    var result = self
    result.utilities = zip(utilities, ranges).map { Array($0[$1]) }
    for (index, resource) in resources.enumerated() {
      result.resources[index].unary = zip(resource.unary, ranges).map { Array($0[$1]) }
      for (place, pair) in resource.pairs.enumerated() {
        let (first, second) = (ranges[pair.first], ranges[pair.second])
        result.resources[index].pairs[place].costs =
          switch pair.costs {
          case .product(let a, let b):
            .product(first: Array(a[first]), second: Array(b[second]))
          case .table(let rows): .table(rows: rows[first].map { Array($0[second]) })
          }
      }
    }
    return result
  }
}
