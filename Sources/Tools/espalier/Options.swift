import Allocation
import ArgumentParser
import CoordinatorService
import Foundation
import Pipeline

/// Where the cluster is.
struct ClusterOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Folder of the local cluster: database, artifacts, logs. [default: the XDG state folder]",
      valueName: "dir"))
  var state: String?

  @Option(
    help: ArgumentHelp(
      "A PostgreSQL of yours instead of the private one; also $ESPALIER_DATABASE.",
      valueName: "url"))
  var database: String?

  var folder: StateFolder { StateFolder(state) }
  var databaseText: String? {
    database ?? ProcessInfo.processInfo.environment["ESPALIER_DATABASE"]
  }
}

/// How many workers of which size.
struct WorkerOptions: ParsableArguments {
  @Option(help: "Worker processes to start; with 0, `run` computes in its own process.")
  var workers = ProcessInfo.processInfo.activeProcessorCount

  @Option(help: "Compute threads per worker.")
  var threads = 1

  @Option(
    help: """
      Memory of a worker, in MiB: features of tiles and what jobs remember. Scores that need more \
      are refused.
      """)
  var memory = 1536

  func validate() throws {
    guard (0...256).contains(workers) else {
      throw ValidationError("--workers \(workers): give 0…256")
    }
    guard (1...1024).contains(threads) else {
      throw ValidationError("--threads \(threads): give 1…1024")
    }
    guard memory >= 64 else { throw ValidationError("--memory \(memory): give 64 MiB or more") }
  }
}

/// What to sweep.
struct SweepOptions: ParsableArguments {
  @OptionGroup var scoring: ScoreOptions

  @Option(
    help: ArgumentHelp(
      "Images to evaluate variants on; accuracy needs labels.", valueName: "file.yaml"))
  var evaluation: String?

  @Option(help: ArgumentHelp("The catalogue of devices.", valueName: "file.yaml"))
  var devices: String

  @Option(help: "What the allocator maximises: \(UtilityKind.names).")
  var utility = UtilityKind.error

  @Option(help: "The allocator: \(AllocationStrategies.names).")
  var strategy = "certified"

  @Option(
    help: """
      How layers make up for lost channels: single fits each to its own dense output, sequential \
      then layer by layer to the dense network's, and keeps what is nearer to it.
      """)
  var reconstruction = ReconstructionKind.sequential

  @Flag(help: "Stop after allocation: variants get the status 'planned'.")
  var planOnly = false

  @Flag(inversion: .prefixedNo, help: "Evaluate the variants on the evaluation images.")
  var evaluate = true

  @Option(
    help: """
      What variants are evaluated by: \(EvaluationMetric.names). accuracy counts top-1 and top-5 \
      against labels, and agreement with the dense network; agreement needs no labels. \
      [default: accuracy for class scores, else agreement]
      """)
  var metric: EvaluationMetric?

  @Flag(help: "Also measure how long every variant takes for one image, on a worker's machine.")
  var measureLatency = false

  func validate() throws {
    guard AllocationStrategies.all.contains(where: { $0.name == strategy }) else {
      throw ValidationError("--strategy '\(strategy)': give one of \(AllocationStrategies.names)")
    }
    if evaluate, !planOnly, evaluation == nil {
      throw ValidationError(
        "--evaluation is missing: name images to evaluate on, or give --no-evaluate")
    }
  }
}

/// How results are printed.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case table, json
}

extension TapKind: ExpressibleByArgument {
  static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

extension AllocationStrategies {
  static var names: String { all.map(\.name).joined(separator: ", ") }
}

extension ReconstructionKind: ExpressibleByArgument {}

extension EvaluationMetric: ExpressibleByArgument {
  static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

extension UtilityKind: ExpressibleByArgument {
  static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
