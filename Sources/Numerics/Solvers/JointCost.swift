/// A cost of several variables through two sums of theirs: what a layer costs whose channels come
/// from several groups.
///
/// The cost of a choice is `table[i][j]`, where i is the sum of the steps of `first` and j that of
/// `second`. A variable may stand in both.
public struct JointCost: Sendable, Hashable, Codable {
  /// What a variable adds to a sum.
  public struct Term: Sendable, Hashable, Codable {
    public var variable: Int
    /// By option, at least 0.
    public var steps: [Int]

    public init(variable: Int, steps: [Int]) {
      self.variable = variable
      self.steps = steps
    }
  }

  public var first: [Term]
  public var second: [Term]
  /// Row by row, `columns` each.
  public var table: [Int64]
  public var columns: Int

  public init(first: [Term], second: [Term], table: [Int64], columns: Int) {
    self.first = first
    self.second = second
    self.table = table
    self.columns = columns
  }

  public subscript(i: Int, j: Int) -> Int64 { table[i * columns + j] }

  /// The variables that it depends on, ascending.
  public var variables: [Int] { Set((first + second).map(\.variable)).sorted() }

  /// The cost of one option per variable.
  public func cost(of choice: [Int]) -> Int64 {
    self[Self.sum(first, choice), Self.sum(second, choice)]
  }

  /// The cost where some variables have an option and nothing else matters.
  func cost(_ option: (Int) -> Int) -> Int64 {
    var (row, column) = (0, 0)
    for term in first { row += term.steps[option(term.variable)] }
    for term in second { column += term.steps[option(term.variable)] }
    return self[row, column]
  }

  private static func sum(_ terms: [Term], _ choice: [Int]) -> Int {
    terms.reduce(0) { $0 + $1.steps[choice[$1.variable]] }
  }

  /// Whether the steps match the options and stay within the table.
  func fits(_ counts: [Int]) -> Bool {
    let terms = first + second
    guard terms.allSatisfy({ counts.indices.contains($0.variable) }),
      terms.allSatisfy({ $0.steps.count == counts[$0.variable] && $0.steps.allSatisfy { $0 >= 0 } })
    else { return false }
    func greatest(_ terms: [Term]) -> Int { terms.reduce(0) { $0 + ($1.steps.max() ?? 0) } }
    return greatest(second) < columns && (greatest(first) + 1) * columns <= table.count
  }
}
