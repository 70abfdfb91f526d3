import Devices
import Foundation
import NetworkGraph

/// Why a plan has the widths it has: what each group costs, and what more of it would bring.
public struct PlanExplanation: Sendable, Hashable, Codable {
  /// What one step of the grid would change.
  public struct Step: Sendable, Hashable, Codable {
    public var width: Int
    /// Utility gained; negative when lost.
    public var utility: Double
    /// What it adds to every limited resource, in the order of the limits.
    public var costs: [Int64]
    /// Utility gained minus the costs at the plan's prices: above 0 the step would pay if there
    /// were room. Nil where the strategy sets no prices.
    public var net: Double?
    /// Whether the budgets have room for it.
    public var fits: Bool
  }

  public struct Group: Sendable, Hashable, Codable {
    public var name: String
    public var dense: Int
    public var width: Int
    /// Utility lost against the dense width.
    public var lost: Double
    /// What narrowing this group saves of every limited resource, all others as in the plan.
    public var saved: [Int64]
    /// The next wider width, where there is one.
    public var wider: Step?
  }

  public var strategy: String
  public var objective: Double
  public var bound: Double
  public var gap: Double
  public var usage: [BudgetUsage]
  /// Utility for one more unit of every limited resource, in the order of the limits.
  public var prices: [Double]?
  /// Of the `released` strategy: ``ReleasedStrategy/influenceOfImportance(_:)``.
  public var importanceInfluence: Int?
  /// In the order of the groups; only those that may change.
  public var groups: [Group]
}

extension AllocationProblem {
  /// What a plan of this problem costs, group by group.
  public func explanation(of plan: PruningPlanWidths) -> PlanExplanation {
    let grids = grids()
    let used = costs(of: plan.widths)
    let explained = groups.indices.filter { grids[$0].count > 1 }.map { index in
      let group = groups[index]
      let width = plan.widths[index]
      func value(_ width: Int) -> Double {
        utilities[index].value(width: width, dense: group.width) ?? 0
      }
      func added(_ width: Int) -> [Int64] {
        var changed = plan.widths
        changed[index] = width
        return zip(costs(of: changed), used).map { $0 - $1 }
      }
      let wider = grids[index].first { $0 > width }.map { next in
        let costs = added(next)
        let gain = value(next) - value(width)
        return PlanExplanation.Step(
          width: next, utility: gain, costs: costs,
          net: plan.prices.map { zip($0, costs).reduce(gain) { $0 - $1.0 * Double($1.1) } },
          fits: zip(zip(used, costs), plan.usage).allSatisfy { $0.0 + $0.1 <= $1.limit })
      }
      return PlanExplanation.Group(
        name: group.name, dense: group.width, width: width,
        lost: value(grids[index].last ?? width) - value(width),
        saved: added(grids[index].last ?? width), wider: wider)
    }
    return PlanExplanation(
      strategy: plan.strategy, objective: plan.objective, bound: plan.bound, gap: plan.gap,
      usage: plan.usage, prices: plan.prices, importanceInfluence: importanceInfluence(of: plan),
      groups: explained)
  }

  /// By how many channels importances moved a plan of the `released` strategy, which may well be
  /// none; nil for plans of others.
  public func importanceInfluence(of plan: PruningPlanWidths) -> Int? {
    let released = ReleasedStrategy()
    return plan.strategy == released.name ? released.influenceOfImportance(self) : nil
  }

  private func costs(of widths: [Int]) -> [Int64] { usage(widths: widths).map(\.used) }
}

extension PlanExplanation: CustomStringConvertible {
  /// The same in words, a line for the plan, one for each budget and one for each group.
  public var description: String {
    var lines = [
      String(
        format: "%@: utility %.6g, no plan is worth more than %.6g (gap %.3g %%)", strategy,
        objective, bound, 100 * gap)
    ]
    for (index, budget) in usage.enumerated() {
      let share = 100 * Double(budget.used) / Double(max(budget.limit, 1))
      var line = "\(budget.resource): \(budget.amounts)"
      line += String(format: " (%.1f %%)", share)
      if let price = prices?[index] {
        line +=
          price > 0
          ? String(
            format: "; one per cent more would bring about %.3g",
            price * Double(budget.limit) / 100)
          : "; more of it would bring nothing"
      }
      lines.append(line)
    }
    if let importanceInfluence {
      lines.append("importances moved the widths by \(importanceInfluence) channels in all")
    }
    lines += groups.map(line)
    return lines.joined(separator: "\n")
  }

  private func line(_ group: Group) -> String {
    func amounts(_ costs: [Int64]) -> String {
      zip(costs, usage).map { cost, budget in
        "\(BudgetResource.text(cost, of: budget.resource)) \(budget.resource)"
      }.joined(separator: ", ")
    }
    var text = "\(group.name): \(group.dense) → \(group.width)"
    if group.width < group.dense {
      text += String(format: "; loses %.3g, saves %@", group.lost, amounts(group.saved))
    }
    guard let wider = group.wider else { return text + "; as wide as it may be" }
    text += String(
      format: "; %d would bring %.3g for %@", wider.width, wider.utility, amounts(wider.costs))
    if wider.fits { return text + ", and there is room" }
    guard let net = wider.net, abs(net) > 1e-9 * abs(wider.utility) else {
      return text + ": no room"
    }
    return text
      + (net > 0
        ? String(format: ": worth %.3g above its price, but no room", net)
        : String(format: ": %.3g short of its price", -net))
  }
}
