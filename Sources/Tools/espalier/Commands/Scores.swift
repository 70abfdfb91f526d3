import ArgumentParser
import Catalogue
import CoordinatorService
import Digests
import Drawing
import Foundation
import Importance
import JobEngine
import LinearAlgebra
import Pipeline

/// `espalier scores`: the nHSIC matrix of a sweep, and the account of how it came about.
struct ScoresCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scores",
    abstract: "Print the nHSIC matrix and the importances of a sweep, or audit them.",
    discussion: """
      --ledger lists what was counted for every pair of tiles, checks each result's content, adds \
      all of them up again, and ends with 1 where the account does not come out even.
      """)

  @Argument(help: "Name or id of the sweep.") var sweep: String
  @OptionGroup var cluster: ClusterOptions
  @Option(help: "table or json.") var format = OutputFormat.table
  @Flag(help: "Show and check the account of all pairs of tiles instead.") var ledger = false
  @Option(help: ArgumentHelp("Draw the nHSIC matrix as a heat map.", valueName: "file.svg"))
  var plot: String?
  @Option(help: ArgumentHelp("Write the nHSIC matrix as a NumPy array.", valueName: "file.npy"))
  var npy: String?

  @Flag(
    help: """
      Prune every group alone to a half instead, and print how well each score of a layer tells \
      what that does: Spearman's rank correlation. Computed here; takes minutes.
      """)
  var science = false

  @Option(help: "Calibration images that --science looks at.")
  var scienceImages = 128

  func validate() throws {
    guard scienceImages >= 4 else {
      throw ValidationError("--science-images \(scienceImages): give 4 or more")
    }
  }

  func run() async throws {
    if science { return try await compare() }
    let isSound = try await LocalCluster(cluster).reading { stores in
      let scores = try await stores.scoresAnswer(of: sweep)
      if let plot {
        let map = HeatMap(
          title: "nHSIC, \(scores.samples) images", labels: scores.taps, values: scores.matrix)
        try write(Data(map.svg.utf8), to: plot)
      }
      if let npy { try write(scores.matrix.npy, to: npy) }
      guard ledger else {
        for warning in scores.warnings { note(warning) }
        switch format {
        case .json: try printJSON(scores)
        case .table: print(scores.table)
        }
        return true
      }
      let account = try await stores.scoreLedger(of: sweep, digest: scores.digest)
      switch format {
      case .json: try printJSON(account)
      case .table: print(account.table)
      }
      return account.isSound
    }
    if !isSound { throw ExitCode(ExitStatus.failed.rawValue) }
  }

  private func write(_ data: Data, to file: String) throws {
    try data.writeWhole(to: file)
    note("wrote \(file), \(data.count) bytes")
  }
}
