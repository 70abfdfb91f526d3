import TestSupport
import Testing

@testable import Pipeline

@Suite("Cost of scores", .tags(.pure))
struct ScoreCostTests {
  private typealias Pass = ScorePassBenchmark.Pass

  @Test("passes that cost a N + b N² give a and b back")
  func exact() throws {
    let passes = [500, 1000, 4000, 1000].map { images in
      Pass(images: images, seconds: 0.002 * Double(images) + 4e-6 * Double(images * images))
    }
    let model = try #require(ScorePassBenchmark.CostModel(fittedTo: passes))
    #expect(abs(model.secondsPerImage / 0.002 - 1) < 1e-9)
    #expect(abs(model.secondsPerPair / 4e-6 - 1) < 1e-9)
    #expect(abs(model.seconds(2000) - 20) < 1e-6)
  }

  @Test("one number of images, however often, gives no model", arguments: [1, 2, 3])
  func one(count: Int) {
    let passes = (0..<count).map { Pass(images: 1000, seconds: 6 + 0.1 * Double($0)) }
    #expect(ScorePassBenchmark.CostModel(fittedTo: passes) == nil)
  }
}
