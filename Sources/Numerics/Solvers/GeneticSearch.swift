/// Evolution of choices within the budgets, with MetaPruning's operators (Liu et al., ICCV 2019):
/// parents are the best of all choices met; children are mutants, in which every variable moves
/// with some probability, and crossovers of two parents; a child over a budget, or met before, is
/// thrown away. The worth of a choice is its utility. The same seed gives the same answer.
public struct GeneticSearch: Sendable {
  public var population = 50
  public var generations = 20
  public var parents = 10
  public var mutants = 25
  public var crossovers = 25
  /// The probability with which a variable of a mutant moves.
  public var mutationRate = 0.1
  public var seed: UInt64

  public init(seed: UInt64 = 0) { self.seed = seed }

  /// The best choice met; nil where none drawn was within the budgets.
  public func solve(_ problem: ChoiceProblem) -> [Int]? {
    problem.checkSizes()
    var random = SplitMix64(seed: seed)
    var met: Set<[Int]> = []
    var best: [(choice: [Int], utility: Double)] = []
    func keep(_ choice: [Int]) -> Bool {
      guard problem.allows(choice), met.insert(choice).inserted else { return false }
      best.append((choice, problem.utility(of: choice)))
      return true
    }
    /// Makes children until there are `count`, or too many failed.
    func fill(_ count: Int, _ child: () -> [Int]) {
      var (made, tries) = (0, 0)
      while made < count, tries < 20 * count {
        if keep(child()) { made += 1 }
        tries += 1
      }
    }
    func select() {
      best.sort { $0.utility > $1.utility }
      best.removeLast(max(0, best.count - population))
    }

    _ = keep(problem.utilities.map { _ in 0 })
    fill(population) { draw(problem, &random) }
    select()
    for _ in 0..<generations where !best.isEmpty {
      let family = best.prefix(parents).map(\.choice)
      fill(mutants) {
        mutant(of: family[Int.random(in: family.indices, using: &random)], problem, &random)
      }
      fill(crossovers) {
        let (a, b) = (
          family[Int.random(in: family.indices, using: &random)],
          family[Int.random(in: family.indices, using: &random)]
        )
        return zip(a, b).map { Bool.random(using: &random) ? $0 : $1 }
      }
      fill(max(0, population - best.count)) { draw(problem, &random) }
      select()
    }
    return best.first?.choice
  }

  /// A random choice, drawn below a random ceiling so that tight budgets are met now and then.
  private func draw(_ problem: ChoiceProblem, _ random: inout SplitMix64) -> [Int] {
    let ceiling = Double.random(in: 0...1, using: &random)
    return problem.utilities.map { options in
      Int.random(in: 0...Int(ceiling * Double(options.count - 1)), using: &random)
    }
  }

  private func mutant(
    of parent: [Int], _ problem: ChoiceProblem, _ random: inout SplitMix64
  ) -> [Int] {
    zip(parent, problem.utilities).map { option, options in
      guard options.count > 1, Double.random(in: 0..<1, using: &random) < mutationRate else {
        return option
      }
      return (option + Int.random(in: 1..<options.count, using: &random)) % options.count
    }
  }
}
