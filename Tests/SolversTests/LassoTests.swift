import Foundation
import Solvers
import TestSupport
import Testing

@Suite("LASSO", .tags(.pure))
struct LassoTests {
  private struct Golden: Decodable {
    struct Problem: Decodable {
      var quadratic: [Double]
      var linear: [Double]
      var penalties: [Double]
      var coefficients: [[Double]]

      var lasso: LassoProblem { LassoProblem(quadratic: quadratic, linear: linear) }
    }
    var problems: [Problem]
  }

  private func problems() throws -> [Golden.Problem] {
    let data = try Data(contentsOf: Fixtures.url("lasso.json", module: "Solvers"))
    return try JSONDecoder().decode(Golden.self, from: data).problems
  }

  @Test("the path is scikit-learn's")
  func path() throws {
    for problem in try problems() {
      let path = problem.lasso.path(
        penalties: problem.penalties, tolerance: 1e-13, sweeps: 100_000)
      for (beta, expected) in zip(path, problem.coefficients) {
        expectClose(beta, expected, tolerance: 1e-8)
        // Zeros are exact, so the order in which coefficients enter is the same.
        #expect(beta.map { $0 == 0 } == expected.map { $0 == 0 })
      }
      #expect(path.count == problem.coefficients.count)
    }
  }

  @Test("at the greatest penalty all is zero, and just below it something is not")
  func greatestPenalty() throws {
    for problem in try problems() {
      let lasso = problem.lasso
      let path = lasso.path(penalties: [lasso.greatestPenalty, 0.999 * lasso.greatestPenalty])
      #expect(path[0].allSatisfy { $0 == 0 })
      #expect(path[1].count { $0 != 0 } == 1)
      let penalties = lasso.penalties(5, ratio: 1e-2)
      #expect(penalties.count == 5 && penalties[0] == lasso.greatestPenalty)
      #expect(abs(penalties[4] / penalties[0] - 1e-2) < 1e-12)
    }
  }

  @Test("a column that does not vary stays out, and a problem of zeros has a path of zeros")
  func dead() {
    let lasso = LassoProblem(quadratic: [1, 0, 0, 0], linear: [1, 0])
    #expect(lasso.path(penalties: [0.25]) == [[0.75, 0]])
    let nothing = LassoProblem(quadratic: [0, 0, 0, 0], linear: [0, 0])
    #expect(
      nothing.path(penalties: nothing.penalties(3, ratio: 0.1)) == [[0, 0], [0, 0], [0, 0]])
  }
}
