import ClusterSimulation
import TestSupport
import Testing

@Suite("Coordinator benchmark", .tags(.system))
struct CoordinatorBenchmarkTests {
  @Test("many tiles through many workers are recorded once each and add up exactly")
  func exact() async throws {
    let figures = try await CoordinatorBenchmark(workers: 40, tiles: 500).run { _ in }
    #expect(figures.tiles == 528, "32 tiles have 528 pairs")
    #expect(figures.recorded == figures.tiles)
    #expect(figures.attempts == figures.tiles)
    #expect(figures.rejected == 0)
    #expect(figures.isExact)
  }
}
