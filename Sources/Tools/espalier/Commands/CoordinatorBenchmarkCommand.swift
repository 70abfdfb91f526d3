import ArgumentParser
import ClusterSimulation

/// `espalier benchmark coordinator`: what one coordinator keeps up with.
struct CoordinatorBenchmarkCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "coordinator",
    abstract: "Tiles a second through the coordinator, with simulated workers.",
    discussion: """
      Real messages, a real database and the coordinator as it is, all in this process; workers \
      that answer at once. Checks that every tile is recorded once and that the scores are exact.
      """)

  @Option(help: "Simulated workers.") var workers = 1000
  @Option(help: "Pairs of tiles, at least.") var tiles = 100_000

  func validate() throws {
    guard (1...10_000).contains(workers) else {
      throw ValidationError("--workers \(workers): give 1…10000")
    }
    guard (1...10_000_000).contains(tiles) else {
      throw ValidationError("--tiles \(tiles): give 1…10000000")
    }
  }

  func run() async throws {
    try printJSON(try await CoordinatorBenchmark(workers: workers, tiles: tiles).run { note($0) })
  }
}
