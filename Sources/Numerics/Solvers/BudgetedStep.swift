/// minimise ½ d·B d + g·d subject to n·d + slack ≥ 0 and lower ≤ d ≤ upper, B positive definite.
///
/// For a given multiplier of the one constraint the problem has bounds alone and is solved by
/// exchanging bound and free variables; the multiplier is found by Newton's method on the
/// constraint, which is piecewise linear and monotone in it, with bisection as a safeguard.
struct BudgetedStep {
  var curvature: [[Double]]
  var gradient: [Double]
  /// n.
  var normal: [Double]
  var slack: Double
  var lower: [Double]
  var upper: [Double]

  struct Solution {
    var direction: [Double]
    var multiplier: Double
  }

  private enum Place { case free, lower, upper }

  func solve() -> Solution {
    var places = [Place](repeating: .free, count: gradient.count)
    var (low, high) = (0.0, Double.infinity)
    var multiplier = 0.0
    var direction = bounded(multiplier, &places)
    let scale = max(abs(slack), zip(normal, upper).reduce(0) { $0 + abs($1.0 * $1.1) }, 1e-300)
    // No variables move faster than all of them free.
    let fastest = dot(normal, solveFree(Array(gradient.indices), normal))
    for _ in 0..<200 {
      let value = dot(normal, direction) + slack
      if multiplier == 0, value >= 0 { break }
      if abs(value) <= 1e-15 * scale { break }
      if value < 0 { low = multiplier } else { high = multiplier }
      // The slope of n·d in the multiplier while the same variables stay free.
      let free = places.indices.filter { places[$0] == .free }
      let part = free.map { normal[$0] }
      let rate = free.isEmpty ? 0 : dot(part, solveFree(free, part))
      var next = rate > 0 ? multiplier - value / rate : .infinity
      if !(next > low && next < high) || !next.isFinite {
        next = high.isFinite ? (low + high) / 2 : max(2 * low, multiplier - value / fastest)
      }
      if next == multiplier { break }
      multiplier = next
      direction = bounded(multiplier, &places)
    }
    return Solution(direction: direction, multiplier: multiplier)
  }

  /// The minimum within the bounds at a multiplier of the constraint.
  private func bounded(_ multiplier: Double, _ places: inout [Place]) -> [Double] {
    let count = gradient.count
    let force = zip(gradient, normal).map { $0 - multiplier * $1 }
    var direction = [Double](repeating: 0, count: count)
    for round in 0..<(20 + 20 * count) {
      for i in 0..<count where places[i] != .free {
        direction[i] = places[i] == .lower ? lower[i] : upper[i]
      }
      let free = (0..<count).filter { places[$0] == .free }
      let fixed = (0..<count).filter { places[$0] != .free }
      let right = free.map { i in
        fixed.reduce(-force[i]) { $0 - curvature[i][$1] * direction[$1] }
      }
      for (i, value) in zip(free, solveFree(free, right)) { direction[i] = value }
      var exchanges: [(Int, Place)] = []
      for i in 0..<count {
        switch places[i] {
        case .free:
          if direction[i] < lower[i] { exchanges.append((i, .lower)) }
          if direction[i] > upper[i] { exchanges.append((i, .upper)) }
        case .lower, .upper:
          let pull = force[i] + dot(curvature[i], direction)
          if places[i] == .lower ? pull < 0 : pull > 0, lower[i] < upper[i] {
            exchanges.append((i, .free))
          }
        }
      }
      // All at once is fast; the last one alone (Murty's rule) cannot cycle.
      let taken = round < 20 ? exchanges[...] : exchanges.suffix(1)
      for (i, place) in taken { places[i] = place }
      if exchanges.isEmpty { break }
    }
    return zip(direction, zip(lower, upper)).map { min(max($0, $1.0), $1.1) }
  }

  /// B restricted to some variables, solved for a right side.
  private func solveFree(_ free: [Int], _ right: [Double]) -> [Double] {
    solvePositive(free.map { i in free.map { curvature[i][$0] } }, right)
  }
}

/// x with A x = b for a symmetric positive definite A, by Cholesky's method; what rounding makes
/// of a pivot that is not positive is taken as a tiny one.
func solvePositive(_ matrix: [[Double]], _ right: [Double]) -> [Double] {
  let count = right.count
  var factor = matrix
  var x = right
  for i in 0..<count {
    for j in 0...i {
      var sum = factor[i][j]
      for k in 0..<j { sum -= factor[i][k] * factor[j][k] }
      factor[i][j] = i == j ? max(sum, 1e-300).squareRoot() : sum / factor[j][j]
    }
    for k in 0..<i { x[i] -= factor[i][k] * x[k] }
    x[i] /= factor[i][i]
  }
  for i in (0..<count).reversed() {
    for k in (i + 1)..<max(count, i + 1) { x[i] -= factor[k][i] * x[k] }
    x[i] /= factor[i][i]
  }
  return x
}
