/// The choice of k of n things whose joint cost is least: a binary quadratic programme.
///
///     minimise  uᵀ Q u + 2 lᵀ u      subject to  u ∈ {0, 1}ⁿ,  Σ u = k
public struct SubsetProblem: Sendable {
  /// n.
  public let count: Int
  /// Q, `[n, n]`, symmetric.
  public let quadratic: [Double]
  /// l, `[n]`.
  public let linear: [Double]

  /// - Parameter linear: Zeros where it is left out.
  public init(quadratic: [Double], linear: [Double]? = nil) {
    count = linear?.count ?? Int(Double(quadratic.count).squareRoot().rounded())
    precondition(
      quadratic.count == count * count, "\(quadratic.count) elements are no matrix of \(count)")
    self.quadratic = quadratic
    self.linear = linear ?? Array(repeating: 0, count: count)
  }

  /// The problem on some of the things, after `chosen` others have been chosen already.
  public func restricted(to things: [Int], after chosen: [Int]) -> SubsetProblem {
    SubsetProblem(
      quadratic: things.flatMap { i in things.map { quadratic[i * count + $0] } },
      linear: things.map { i in
        chosen.reduce(linear[i]) { $0 + quadratic[i * count + $1] }
      })
  }

  /// uᵀ Q u + 2 lᵀ u.
  public func cost(of subset: some Sequence<Int>) -> Double {
    let places = Array(subset)
    var cost = 0.0
    for (index, i) in places.enumerated() {
      cost += quadratic[i * count + i] + 2 * linear[i]
      for j in places[..<index] { cost += 2 * quadratic[i * count + j] }
    }
    return cost
  }
}

/// A way to choose a subset.
public protocol SubsetSolver: Sendable {
  /// - Parameter size: k, 0…n.
  /// - Returns: k places, ascending.
  func subset(of size: Int, in problem: SubsetProblem) -> [Int]
}

extension SubsetSolver {
  /// All things in an order whose beginnings are good subsets: the best half first, and each half
  /// in such an order again, the second one with the first one given.
  public func order(_ problem: SubsetProblem) -> [Int] {
    order(problem, Array(0..<problem.count), after: [])
  }

  private func order(_ problem: SubsetProblem, _ things: [Int], after chosen: [Int]) -> [Int] {
    guard things.count > 1 else { return things }
    let part = problem.restricted(to: things, after: chosen)
    let places = subset(of: things.count / 2, in: part)
    let first = places.map { things[$0] }
    let taken = Set(places)
    let rest = things.indices.filter { !taken.contains($0) }.map { things[$0] }
    return order(problem, first, after: chosen)
      + order(problem, rest, after: chosen + first)
  }
}
