/// Greedy choice and exchanges: things are taken one after the other, those that add least, and in
/// another try left out one after the other, those that save most. From both ends one thing that is
/// chosen is exchanged for one that is not, the pair that helps most, until none does; the better
/// end is the answer.
public struct SwapSearch: SubsetSolver {
  /// Gains below this share of the greatest element of Q are rounding.
  private static let tolerance = 1e-12

  public init() {}

  public func subset(of size: Int, in problem: SubsetProblem) -> [Int] {
    precondition((0...problem.count).contains(size), "\(size) of \(problem.count) things")
    let (n, q) = (problem.count, problem.quadratic)
    let least = Self.tolerance * (0..<n).reduce(0) { max($0, q[$1 * n + $1]) }
    let ends = [0, n].map { start in
      var choice = Choice(problem, all: start == n)
      while choice.size != size, let next = choice.cheapest { choice.toggle(next) }
      while let (out, into) = choice.bestSwap(gain: least) {
        choice.toggle(out)
        choice.toggle(into)
      }
      return choice.members
    }
    return problem.cost(of: ends[1]) < problem.cost(of: ends[0]) - least ? ends[1] : ends[0]
  }
}

/// A subset on its way.
private struct Choice {
  private let n: Int
  private let q: [Double]
  /// Whether the subset grows to its size, or shrinks.
  private let grows: Bool
  private var isChosen: [Bool]
  /// l + Q u: half of what the chosen ones add to the cost of each.
  private var pull: [Double]
  private(set) var size = 0

  init(_ problem: SubsetProblem, all: Bool) {
    (n, q, grows) = (problem.count, problem.quadratic, !all)
    isChosen = Array(repeating: false, count: n)
    pull = problem.linear
    if all { for thing in 0..<n { toggle(thing) } }
  }

  var members: [Int] { (0..<n).filter { isChosen[$0] } }

  mutating func toggle(_ thing: Int) {
    let sign = isChosen[thing] ? -1.0 : 1.0
    isChosen[thing].toggle()
    size += isChosen[thing] ? 1 : -1
    for other in 0..<n { pull[other] += sign * q[thing * n + other] }
  }

  /// What adds least, or saves most; the first of equal ones.
  var cheapest: Int? {
    (0..<n).filter { isChosen[$0] != grows }.min { (change(of: $0), $0) < (change(of: $1), $1) }
  }

  /// What the cost changes by if a thing comes or goes.
  private func change(of i: Int) -> Double {
    isChosen[i] ? q[i * n + i] - 2 * pull[i] : q[i * n + i] + 2 * pull[i]
  }

  func bestSwap(gain least: Double) -> (out: Int, into: Int)? {
    let free = (0..<n).filter { !isChosen[$0] }
    var best: (out: Int, into: Int)?
    var gain = least
    for i in 0..<n where isChosen[i] {
      let released = -change(of: i)
      for j in free {
        let taken = change(of: j) - 2 * q[i * n + j]
        if released - taken > gain { (gain, best) = (released - taken, (i, j)) }
      }
    }
    return best
  }
}
