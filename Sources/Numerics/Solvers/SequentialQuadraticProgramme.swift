/// maximise importance · x subject to cost(x) ≤ limit and 0 ≤ x ≤ 1, from x = 1, by sequential
/// quadratic programming with damped BFGS updates and an L1 merit function (D. Kraft, A software
/// package for sequential quadratic programming, DFVLR-FB 88-28, 1988).
///
/// It stops as the published allocator does: once the cost is met to within `accuracy` and a step
/// changes objective or ratios by less. Importances far below the accuracy therefore do not act:
/// the answer is the first point within the limit that least-norm steps from x = 1 come to. The
/// feasible set is not convex, so that nothing is said about the quality of the answer.
public struct SequentialQuadraticProgramme: Sendable {
  public var importance: [Double]
  public var cost: QuadraticCost
  public var limit: Double
  public var accuracy: Double
  public var iterationLimit: Int

  public struct Result: Sendable, Hashable {
    /// Keep ratios.
    public var ratios: [Double]
    public var iterations: Int
    /// False when the iterations ran out or no step descended any more.
    public var hasConverged: Bool
  }

  public init(
    importance: [Double], cost: QuadraticCost, limit: Double, accuracy: Double = 1e-6,
    iterationLimit: Int = 100
  ) {
    self.importance = importance
    self.cost = cost
    self.limit = limit
    self.accuracy = accuracy
    self.iterationLimit = iterationLimit
  }

  /// What is minimised.
  private func objective(_ x: [Double]) -> Double { -dot(importance, x) }

  /// How much the limit leaves over; negative beyond it.
  private func slack(_ x: [Double]) -> Double { limit - cost.value(x) }

  public func solve() -> Result {
    let count = importance.count
    let gradient = importance.map { -$0 }
    var x = [Double](repeating: 1, count: count)
    var curvature = identity(count)
    var penalty = 0.0
    var resets = 0
    var normal = cost.gradient(x).map { -$0 }
    for iteration in 1...max(1, iterationLimit) {
      let left = slack(x)
      let step = BudgetedStep(
        curvature: curvature, gradient: gradient, normal: normal, slack: left,
        lower: x.map { -$0 }, upper: x.map { 1 - $0 }
      ).solve()
      let over = max(-left, 0)
      let slope = dot(gradient, step.direction)
      penalty = max(step.multiplier, (penalty + step.multiplier) / 2)
      if abs(slope) + step.multiplier * abs(left) < accuracy, over < accuracy {
        return Result(ratios: clipped(x), iterations: iteration, hasConverged: true)
      }
      let descent = slope - penalty * over
      guard descent < 0 else {
        resets += 1
        if resets > 5 {
          return Result(ratios: clipped(x), iterations: iteration, hasConverged: over < accuracy)
        }
        curvature = identity(count)
        continue
      }
      let before = (x: x, objective: objective(x))
      let direction = search(
        from: x, along: step.direction, descent: descent, penalty: penalty,
        merit: before.objective + penalty * over)
      x = zip(before.x, direction).map { $0 + $1 }
      let isStill =
        abs(objective(x) - before.objective) < accuracy
        || dot(direction, direction).squareRoot() < accuracy
      if isStill, max(-slack(x), 0) < accuracy {
        return Result(ratios: clipped(x), iterations: iteration, hasConverged: true)
      }
      let next = cost.gradient(x).map { -$0 }
      // The change of the Lagrangian's gradient; the objective's own does not change.
      let change = zip(normal, next).map { step.multiplier * ($0 - $1) }
      update(&curvature, step: direction, change: change)
      normal = next
    }
    return Result(ratios: clipped(x), iterations: iterationLimit, hasConverged: false)
  }

  /// Shortens a step until the merit falls by a tenth of what its slope promises.
  private func search(
    from x: [Double], along direction: [Double], descent: Double, penalty: Double, merit: Double
  ) -> [Double] {
    var step = direction
    var promise = descent
    for _ in 0..<10 {
      let point = zip(x, step).map { $0 + $1 }
      let change = objective(point) + penalty * max(-slack(point), 0) - merit
      if change <= promise / 10 { break }
      let factor = max(promise / (2 * (promise - change)), 0.1)
      promise *= factor
      step = step.map { $0 * factor }
    }
    return step
  }

  /// Powell's damped BFGS update.
  private func update(_ curvature: inout [[Double]], step: [Double], change: [Double]) {
    let image = curvature.map { dot($0, step) }
    var change = change
    var product = dot(step, change)
    let norm = dot(step, image)
    guard norm > 0 else { return }
    if product < 0.2 * norm {
      let share = 0.8 * norm / (norm - product)
      change = zip(change, image).map { share * $0 + (1 - share) * $1 }
      product = 0.2 * norm
    }
    for i in curvature.indices {
      for j in curvature.indices {
        curvature[i][j] += change[i] * change[j] / product - image[i] * image[j] / norm
      }
    }
  }

  private func clipped(_ x: [Double]) -> [Double] { x.map { min(max($0, 0), 1) } }

  private func identity(_ count: Int) -> [[Double]] {
    (0..<count).map { row in (0..<count).map { $0 == row ? 1 : 0 } }
  }
}

func dot(_ a: [Double], _ b: [Double]) -> Double {
  var sum = 0.0
  for (x, y) in zip(a, b) { sum += x * y }
  return sum
}
