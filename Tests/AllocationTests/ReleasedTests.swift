import Foundation
import Solvers
import TestSupport
import Testing

@testable import Allocation

/// The published widths, from the cost constants alone. The settings and SciPy's answers are made
/// by `Fixtures/make_released.py`; the published widths are those of the released run scripts.
@Suite("The published allocator", .tags(.pure))
struct ReleasedTests {
  struct Setting: Decodable, Sendable, CustomTestStringConvertible {
    var name: String
    var width: [Int]
    var linear: [Double]
    var pairs: [[Double]]
    var budget: Double
    var importance: Double
    var published: [Int]
    var slsqp: [Int]
    var slsqpLastTwoPinned: [Int]

    var testDescription: String { name }

    /// The widths that our own steps come to.
    func widths(pinned: Bool = false) -> [Int] {
      var importances = width.map { _ in importance }
      if pinned { importances.replaceSubrange(width.count - 2..<width.count, with: [0.05, 0.05]) }
      let cost = QuadraticCost(
        linear: linear, pairs: pairs.map { .init(Int($0[0]), Int($0[1]), $0[2]) })
      let result = SequentialQuadraticProgramme(
        importance: importances, cost: cost, limit: budget
      ).solve()
      return zip(width, result.ratios).map {
        Int((Double($0) * $1).rounded(.toNearestOrEven))
      }
    }
  }

  static let settings = (try? load()) ?? []

  private static func load() throws -> [Setting] {
    let file = Fixtures.url("released.json", module: "Allocation")
    return try JSONDecoder().decode([Setting].self, from: Data(contentsOf: file))
  }

  @Test("nine of the eleven released configurations come out channel for channel")
  func nineOfEleven() {
    #expect(Self.settings.count == 11)
    let others = Self.settings.filter { $0.widths() != $0.published }.map(\.name)
    #expect(others == ["ResNet-56 60M", "MobileNetV1 285M"])
  }

  @Test("with equal importances our steps are SciPy's, rounded", arguments: settings)
  func equal(setting: Setting) {
    #expect(setting.widths() == setting.slsqp)
  }

  @Test("ResNet-56 comes out with its last two blocks pinned")
  func resNet56() throws {
    let setting = try #require(Self.settings.first { $0.name == "ResNet-56 60M" })
    #expect(setting.widths(pinned: true) == setting.published)
  }

  @Test("MobileNetV1 at 285M is within five per cent of the published widths")
  func mobileNet() throws {
    let setting = try #require(Self.settings.first { $0.name == "MobileNetV1 285M" })
    // The last layer aside, which importance pins at full width (algorithms.md 1.6).
    for (width, published) in zip(setting.widths(), setting.published).dropLast() {
      #expect(abs(Double(width - published)) <= 0.05 * Double(published))
    }
  }

  @Test("importances as small as the released ones do not matter, and the strategy says so")
  func influence() {
    var random = SeededGenerator(seed: 4)
    let values = (0..<40).map { _ in Double.random(in: 0.1...1, using: &random) }
    func problem(scale: Double) -> AllocationProblem {
      NetworkShape.resNetCIFAR(depth: 20).problem(shares: [0.5]) {
        .linear(importance: scale * values[$0])
      }
    }
    #expect(ReleasedStrategy().influenceOfImportance(problem(scale: 1e-9)) == 0)
    #expect(ReleasedStrategy().influenceOfImportance(problem(scale: 1)) ?? 0 > 0)
    let tiny = problem(scale: 1e-9)
    guard case .plan(let plan) = ReleasedStrategy().allocate(tiny) else {
      Issue.record("no plan")
      return
    }
    let explanation = tiny.explanation(of: plan)
    #expect(explanation.importanceInfluence == 0)
    #expect(explanation.description.contains("importances moved the widths by 0 channels"))
  }
}
