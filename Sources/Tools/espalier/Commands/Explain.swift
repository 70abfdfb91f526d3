import ArgumentParser
import CoordinatorService
import Drawing
import Foundation
import JobEngine
import Pipeline

/// `espalier explain`: why a device of a sweep has the widths it has.
struct ExplainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Say why a device of a sweep has the widths it has.",
    discussion: """
      What every group lost and saved, what one step more would bring and cost, and what a little \
      more of every budget would be worth. Where --top made several plans, how far each is from the \
      dense network on calibration images held back, and which was chosen.
      """)

  @Argument(help: "Name or id of the sweep.") var sweep: String
  @Argument(help: "The device's name.") var device: String
  @OptionGroup var cluster: ClusterOptions
  @Option(help: ArgumentHelp("Draw the widths by layer.", valueName: "file.svg"))
  var plot: String?
  @Option(help: "table or json.") var format = OutputFormat.table

  func run() async throws {
    let account = try await LocalCluster(cluster).reading { stores in
      try await stores.account(of: device, in: try await stores.sweeps.find(sweep))
    }
    if let plot, account.explanation != nil {
      try WidthChart(title: "\(sweep), \(device)", layers: account.layers)
        .write(to: URL(filePath: plot))
    }
    switch format {
    case .json: try printJSON(account)
    case .table: print(account)
    }
    if account.explanation == nil { throw ExitCode(ExitStatus.partial.rawValueForExit) }
  }
}
