/// Evolution of subsets of one size: tournaments of two, crossover at two points with repair of the
/// size, mutants that exchange members, and an elite that stays. The same seed gives the same
/// answer.
///
/// Reference: the genetic selection of channels of Hu et al., arXiv 1805.11394. The abstract gives
/// no constants; these are ours.
public struct SubsetEvolution: SubsetSolver {
  public var population = 50
  public var generations = 150
  public var elite = 2
  public var crossoverRate = 0.8
  /// The probability with which a member of a mutant is exchanged.
  public var mutationRate = 0.05
  public var seed: UInt64

  public init(seed: UInt64 = 0) { self.seed = seed }

  public func subset(of size: Int, in problem: SubsetProblem) -> [Int] {
    precondition((0...problem.count).contains(size), "\(size) of \(problem.count) things")
    guard size > 0, size < problem.count else { return Array(0..<size) }
    var random = SplitMix64(seed: seed)
    func scored(_ genes: [Bool]) -> (genes: [Bool], cost: Double) {
      (genes, problem.cost(of: genes.indices.filter { genes[$0] }))
    }
    var family = (0..<population).map { _ in
      scored(repaired([Bool](repeating: false, count: problem.count), size, &random))
    }
    family.sort { $0.cost < $1.cost }
    for _ in 0..<generations {
      var next = Array(family.prefix(elite))
      while next.count < population {
        let parents = (0..<2).map { _ in
          // The family is sorted: the better of two is the earlier one.
          family[
            min(
              Int.random(in: family.indices, using: &random),
              Int.random(in: family.indices, using: &random))
          ].genes
        }
        var child = parents[0]
        if Double.random(in: 0..<1, using: &random) < crossoverRate {
          cross(&child, with: parents[1], &random)
        }
        mutate(&child, &random)
        next.append(scored(repaired(child, size, &random)))
      }
      family = next.sorted { $0.cost < $1.cost }
    }
    return family[0].genes.indices.filter { family[0].genes[$0] }
  }

  private func cross(_ child: inout [Bool], with other: [Bool], _ random: inout SplitMix64) {
    let ends = [
      Int.random(in: 0...child.count, using: &random),
      Int.random(in: 0...child.count, using: &random),
    ].sorted()
    child.replaceSubrange(ends[0]..<ends[1], with: other[ends[0]..<ends[1]])
  }

  private func mutate(_ genes: inout [Bool], _ random: inout SplitMix64) {
    for place in genes.indices where genes[place] {
      guard Double.random(in: 0..<1, using: &random) < mutationRate else { continue }
      genes.swapAt(place, Int.random(in: genes.indices, using: &random))
    }
  }

  /// As many members as there should be: some drawn at random come or go.
  private func repaired(
    _ genes: [Bool], _ size: Int, _ random: inout SplitMix64
  ) -> [Bool] {
    var genes = genes
    let members = genes.count { $0 }
    let isShort = members < size
    let candidates = genes.indices.filter { genes[$0] != isShort }.shuffled(using: &random)
    for place in candidates.prefix(abs(size - members)) { genes[place] = isShort }
    return genes
  }
}
