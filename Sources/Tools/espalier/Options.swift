import Allocation
import ArgumentParser
import CoordinatorService
import Foundation
import Pipeline
import Recovery

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
      Memory of a worker, in MiB: pairs of tiles and what jobs remember. Scores that need more are \
      refused.
      """)
  var memory = 1536

  @Flag(
    help: """
      Let workers of different instruction sets or libraries work together; the last bits of scores \
      then depend on who computed what, and `scores` says so.
      """)
  var allowMixed = false

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

  @Option(
    help: """
      p of Σ (sensitivity · relative error)^p, what utility error makes small: the greater, the more \
      one large error counts against several small ones.
      """)
  var errorPower = 1.0

  @Option(help: "The allocator: \(AllocationStrategies.names).")
  var strategy = "certified"

  @Option(help: "The allocator may leave a plan this share below its bound, as 0.001.")
  var gap = 0.0

  @Option(
    help: """
      Make this many plans for each device, and take the one that is nearest to the dense network \
      on calibration images held back.
      """)
  var top = 1

  @Flag(
    help: """
      Ask that bigger budgets contain smaller ones, channel for channel; the devices must be alike \
      but for how much they allow.
      """)
  var ladder = false

  @Option(
    help: """
      Which channels of a group go first: \(ChannelCriteria.names). All are followed by the same \
      least squares; docs/pipeline.md says what they are.
      """)
  var criterion = ChannelCriteria.standard

  @Option(
    help: """
      How layers make up for lost channels: single fits each to its own dense output, sequential \
      then layer by layer to the dense network's, rectified to what the activations let through \
      of that, paired then every two layers with an activation between them together, joint at \
      last all layers to the dense network's outputs, which takes some minutes a variant; what \
      is nearest to the dense network is kept.
      """)
  var reconstruction = ReconstructionKind.paired

  @Option(
    help: """
      Steps of 64 images that --reconstruction joint makes: more take longer and come nearer to \
      the dense network. They are made in eight stretches; the best for images held back of what \
      these lead to counts.
      """)
  var steps = Recipe().jointSteps

  @Flag(
    help: """
      Exchange channels at the widths of every plan, one that goes for one that stays, while the \
      error of the layers that read them falls. Not with --ladder.
      """)
  var exchange = false

  @Option(
    help: """
      How many times the error of an image's mean counts in fits layer by layer, besides that of \
      its positions.
      """)
  var meanWeight = 0

  @Flag(
    help: """
      Let the mirror image of every calibration image take part in fits, where a picture and its \
      mirror image mean the same.
      """)
  var mirror = false

  @Option(
    help: ArgumentHelp(
      """
      A command of yours that fine-tunes each variant: it reads the file {model} and writes \
      {output} with the same widths. Workers run it in a shell.
      """, valueName: "command"))
  var recoverWith: String?

  @Option(help: "Minutes after which the command of --recover-with is ended.")
  var recoveryMinutes = 24.0 * 60

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
    try AllocationStrategies.check(strategy, gap: gap, top: top, ladder: ladder)
    guard ChannelCriteria.named(criterion) != nil else {
      throw ValidationError("--criterion '\(criterion)': give one of \(ChannelCriteria.names)")
    }
    guard !exchange || !ladder else {
      throw ValidationError("give --exchange or --ladder, not both")
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

  /// Whether options that speak of plans fit each other.
  static func check(_ strategy: String, gap: Double, top: Int, ladder: Bool) throws {
    guard all.contains(where: { $0.name == strategy }) else {
      throw ValidationError("--strategy '\(strategy)': give one of \(names)")
    }
    guard (1...100).contains(top) else { throw ValidationError("--top \(top): give 1…100") }
    guard gap >= 0, gap < 1 else { throw ValidationError("--gap \(gap): give a number in 0…1") }
    guard top == 1 || !ladder else { throw ValidationError("give --top or --ladder, not both") }
    guard strategy == "certified" || (top == 1 && !ladder) else {
      throw ValidationError("--top and --ladder are of the strategy certified alone")
    }
  }
}

extension ChannelCriteria {
  static var names: String { all.map(\.name).joined(separator: ", ") }
}

extension ReconstructionKind: ExpressibleByArgument {}

extension EvaluationMetric: ExpressibleByArgument {
  static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

extension UtilityKind: ExpressibleByArgument {
  static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
