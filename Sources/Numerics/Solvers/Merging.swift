/// A problem without joint costs that is the same as one with them: variables that are summed up
/// become one variable, whose options are all combinations of theirs.
struct Merging {
  /// By variable of the merged problem: the variables it stands for, ascending.
  private let members: [[Int]]
  private let counts: [Int]
  private(set) var problem: ChoiceProblem

  init(_ original: ChoiceProblem) {
    counts = original.utilities.map(\.count)
    members = Self.clusters(original)
    problem = original
    if members.count < counts.count || original.resources.contains(where: { !$0.joints.isEmpty }) {
      problem = merged(original)
    }
  }

  /// The options of the original variables.
  func split(_ choice: [Int]) -> [Int] {
    var result = counts.map { _ in 0 }
    for (cluster, option) in choice.enumerated() {
      for variable in members[cluster] { result[variable] = digit(variable, in: cluster, option) }
    }
    return result
  }

  func split(_ solution: Solution) -> Solution {
    guard !solution.choice.isEmpty else { return solution }
    var result = solution
    result.choice = split(solution.choice)
    return result
  }

  /// Variables that stand in one sum are together.
  private static func clusters(_ problem: ChoiceProblem) -> [[Int]] {
    var parent = Array(problem.utilities.indices)
    func root(_ variable: Int) -> Int {
      parent[variable] == variable ? variable : root(parent[variable])
    }
    for joint in problem.resources.flatMap(\.joints) {
      for side in [joint.first, joint.second] {
        for term in side.dropFirst() {
          let (a, b) = (root(side[0].variable), root(term.variable))
          parent[max(a, b)] = min(a, b)
        }
      }
    }
    let byRoot = Dictionary(grouping: parent.indices, by: root)
    return byRoot.keys.sorted().compactMap { byRoot[$0] }
  }

  /// The option of a member in an option of its cluster; the last member varies fastest.
  private func digit(_ variable: Int, in cluster: Int, _ option: Int) -> Int {
    var rest = option
    for member in members[cluster].reversed() {
      if member == variable { return rest % counts[member] }
      rest /= counts[member]
    }
    return rest
  }

  private func merged(_ original: ChoiceProblem) -> ChoiceProblem {
    let sizes = members.map { $0.reduce(1) { $0 * counts[$1] } }
    var place = counts.map { _ in 0 }
    for (cluster, variables) in members.enumerated() {
      for variable in variables { place[variable] = cluster }
    }
    /// By variable: its option in every option of its cluster.
    let digits = counts.indices.map { variable in
      let cluster = place[variable]
      return (0..<sizes[cluster]).map { digit(variable, in: cluster, $0) }
    }
    func sum<Number: AdditiveArithmetic>(_ table: [[Number]], _ cluster: Int) -> [Number] {
      (0..<sizes[cluster]).map { option in
        members[cluster].reduce(.zero) { $0 + table[$1][digits[$1][option]] }
      }
    }
    let resources = original.resources.map { resource in
      var result = resource
      result.unary = members.indices.map { sum(resource.unary, $0) }
      (result.pairs, result.joints) = ([], [])
      for pair in resource.pairs {
        result.add(pair, place: place, digits: digits)
      }
      for joint in resource.joints {
        let clusters = Set(joint.variables.map { place[$0] }).sorted()
        result.add(joint, clusters: clusters, sizes: sizes, place: place, digits: digits)
      }
      return result
    }
    return ChoiceProblem(
      utilities: members.indices.map { sum(original.utilities, $0) }, resources: resources)
  }
}

extension ResourceConstraint {
  /// Adds a pair cost of original variables to one of clusters.
  fileprivate mutating func add(_ pair: PairCost, place: [Int], digits: [[Int]]) {
    let (a, b) = (place[pair.first], place[pair.second])
    let (left, right) = (digits[pair.first], digits[pair.second])
    if a == b {
      for option in unary[a].indices { unary[a][option] += pair.costs[left[option], right[option]] }
      return
    }
    let costs: PairTable =
      switch pair.costs {
      case .product(let first, let second):
        .product(first: left.map { first[$0] }, second: right.map { second[$0] })
      case .table(let rows): .table(rows: left.map { i in right.map { rows[i][$0] } })
      }
    pairs.append(PairCost(first: a, second: b, costs: costs))
  }

  /// Adds a joint cost, which touches at most two clusters: one for each of its sums.
  fileprivate mutating func add(
    _ joint: JointCost, clusters: [Int], sizes: [Int], place: [Int], digits: [[Int]]
  ) {
    switch clusters.count {
    case 0: constant += joint[0, 0]
    case 1:
      for option in 0..<sizes[clusters[0]] {
        unary[clusters[0]][option] += joint.cost { digits[$0][option] }
      }
    default:
      let (a, b) = (clusters[0], clusters[1])
      /// The sums that the variables of one cluster make, by its option.
      func sums(_ terms: [JointCost.Term], _ cluster: Int) -> [Int] {
        let own = terms.filter { place[$0.variable] == cluster }
        return (0..<sizes[cluster]).map { option in
          own.reduce(0) { $0 + $1.steps[digits[$1.variable][option]] }
        }
      }
      let (rowsA, rowsB) = (sums(joint.first, a), sums(joint.first, b))
      let (columnsA, columnsB) = (sums(joint.second, a), sums(joint.second, b))
      pairs.append(
        PairCost(
          first: a, second: b,
          costs: .table(
            rows: (0..<sizes[a]).map { i in
              (0..<sizes[b]).map { joint[rowsA[i] + rowsB[$0], columnsA[i] + columnsB[$0]] }
            })))
    }
  }
}
