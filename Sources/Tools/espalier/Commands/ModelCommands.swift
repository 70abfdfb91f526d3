import ArgumentParser
import Datasets
import Devices
import Execution
import Foundation
import NetworkGraph
import ONNXFormat
import OneDNNBackend
import Pipeline
import Quantities
import Tensors

/// `espalier inspect`: layers, groups and costs of a network.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show the layers, channel groups and costs of a network.",
    discussion: """
      A group is a set of channels that can only be kept or removed together. What cannot be \
      pruned is listed with the reason, and every budget with the least and the greatest value that \
      a device may ask for. --plot draws the graph, coloured by group; it needs Graphviz.
      """)

  @Argument(help: "The ONNX file.") var model: String
  @OptionGroup var models: ModelOptions
  @Option(
    help: ArgumentHelp(
      "Draw the graph to a file ending in .svg, or in .dot for its text.", valueName: "file"))
  var plot: String?
  @Flag(help: "Also show what computes every node: a primitive of oneDNN, or the reference.")
  var execution = false
  @Option(help: "table or json.") var format = OutputFormat.table

  func run() throws {
    let network = try models.read(model)
    let groups = network.channelGroups()
    if let plot {
      let drawing = GraphDrawing(network, groups: groups)
      switch URL(filePath: plot).pathExtension.lowercased() {
      case "svg": try drawing.svg().write(to: URL(filePath: plot), options: .atomic)
      case "dot": try Data(drawing.dot.utf8).write(to: URL(filePath: plot), options: .atomic)
      default: throw InputError("--plot \(plot): give a file ending in .svg or .dot")
      }
      note("graph drawn to \(plot)")
    }
    var inspection = try Inspection(network, groups: groups)
    if execution {
      let options = ExecutionOptions(batch: MicroBatches.size(for: network))
      inspection.execution = try OneDNNBackend().explain(network, options: options).map { entry in
        Inspection.Execution(
          node: network.nodes[entry.node].name, computedBy: entry.computedBy,
          fusedInto: entry.fusedInto.map { network.nodes[$0].name })
      }
    }
    switch format {
    case .json: try printJSON(inspection)
    case .table: print(inspection.table)
    }
  }
}

/// `espalier evaluate`: what a network is worth on a data set.
struct EvaluateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Count the images that a network classifies as labelled.",
    discussion: """
      With --against, also how far the outputs agree with those of another network, such as the \
      dense one: the share of equal classes, the mean cosine, and the mean squared difference.
      """)

  @Argument(help: "The ONNX file.") var model: String
  @OptionGroup var models: ModelOptions
  @Option(help: ArgumentHelp("The images.", valueName: "file.yaml")) var data: String
  @Option(
    help: ArgumentHelp("A network with the same inputs and outputs.", valueName: "file.onnx"))
  var against: String?
  @Option(
    help: "\(EvaluationMetric.names). [default: accuracy for class scores, else agreement]")
  var metric: EvaluationMetric?
  @Option(help: "table or json.") var format = OutputFormat.table
  @Option(help: "Compute threads.") var threads = ProcessInfo.processInfo.activeProcessorCount
  @Flag(help: "Run on the plain reference backend: slow, and normative.") var reference = false

  func run() async throws {
    let network = try models.read(model)
    let dense = try against.map { try models.read($0) }
    let metric = metric ?? network.defaultMetric
    guard metric == .accuracy || dense != nil else {
      throw InputError("\(model): its first output is not class scores; compare it by --against")
    }
    if let dense { try check(network, fits: dense) }
    let dataset = try Dataset.read(data, for: network)
    try dataset.check(for: network, by: metric)
    let backend: any Backend = reference ? ReferenceBackend() : OneDNNBackend()
    let runner = NetworkRunner(backend: backend, threads: threads)
    let microBatch = MicroBatches.size(for: network)
    var total = Evaluation()
    for start in stride(from: 0, to: dataset.count, by: 512) {
      let shard = dataset.shard(start..<min(start + 512, dataset.count))
      func outputs(_ network: Network) throws -> [Tensor] {
        try runner.outputs(of: network, on: shard, microBatch: microBatch)
      }
      total =
        total
        + (try network.evaluate(
          outputs(network), of: shard, metric: metric, against: dense.map(outputs)))
    }
    switch format {
    case .json: try printJSON(Answer(total))
    case .table: print(Answer(total).text)
    }
  }

  private func check(_ network: Network, fits dense: Network) throws {
    func shapes(_ values: [ValueID], _ network: Network) -> [Shape] {
      values.map { network[$0].shape }
    }
    guard network.dataInputs == dense.dataInputs,
      shapes(network.outputs, network) == shapes(dense.outputs, dense)
    else {
      throw InputError(
        "\(model) and \(against ?? "") differ in inputs or outputs; they cannot be compared")
    }
  }

  private struct Answer: Codable {
    var images: Int
    var correct: Int?
    var accuracy: Double?
    var accuracyTop5: Double?
    var sameClass: Double?
    var cosine: Double?
    var squaredError: Double?

    enum CodingKeys: String, CodingKey {
      case images, correct, accuracy, cosine
      case accuracyTop5 = "accuracy_top5"
      case sameClass = "same_class"
      case squaredError = "squared_error"
    }

    init(_ evaluation: Evaluation) {
      images = evaluation.samples
      correct = evaluation.correct
      accuracy = evaluation.accuracy
      accuracyTop5 = evaluation.accuracyTop5
      sameClass = evaluation.sameClass
      cosine = evaluation.cosine
      squaredError = evaluation.squaredError
    }

    var text: String {
      var lines: [String] = []
      if let correct {
        lines.append(
          "\(correct) of \(images) images: \(Accuracy(correct: correct, total: images))")
      }
      func percent(_ share: Double?) -> String {
        share.flatMap { Accuracy(fraction: $0) }.map { "\($0)" } ?? "–"
      }
      if accuracyTop5 != nil { lines.append("top-5: \(percent(accuracyTop5))") }
      if sameClass != nil { lines.append("same class: \(percent(sameClass))") }
      if let cosine, let squaredError {
        lines.append(
          String(format: "cosine: %.6f, mean squared difference: %.3g", cosine, squaredError))
      }
      return lines.joined(separator: "\n")
    }
  }
}

/// `espalier devices`: catalogues of devices.
struct DevicesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices",
    abstract: "Work with catalogues of devices.", subcommands: [CheckCommand.self])

  struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "check",
      abstract: "Validate a catalogue; names the line of each fault.")

    @Argument(help: "The YAML file.") var catalogue: String

    func run() throws {
      let devices = try DeviceCatalogue.read(URL(filePath: catalogue))
      for device in devices {
        let budgets = device.budgets.map(\.description).joined(separator: ", ")
        print("\(device.name)  \(device.deviceClass)  \(budgets)")
      }
      note("\(catalogue): \(devices.count) devices, no faults")
    }
  }
}

/// `espalier benchmark`: what this machine does in a second.
struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark",
    abstract: "Measure this machine.",
    subcommands: [
      ForwardCommand.self, ScoreBenchmarkCommand.self, AllocationCommand.self,
      LatencyBenchmarkCommand.self, CoordinatorBenchmarkCommand.self,
    ])

  struct ForwardCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "forward",
      abstract: "Images a second through a network, on random input.")

    @Argument(help: "The ONNX file.") var model: String
    @Option(help: "Images in a run.") var batch = 250
    @OptionGroup var models: ModelOptions
    @Option(
      help: """
        Images that go through together on one thread. [default: by the size of activations]
        """)
    var microBatch: Int?
    @Option(help: "Compute threads.") var threads = 2
    @Option(help: "How long to measure, in seconds.") var seconds = 5.0

    func run() throws {
      let network = try models.read(model)
      let rate = try ForwardBenchmark.imagesPerSecond(
        network: network, backend: OneDNNBackend(), images: batch, microBatch: microBatch,
        threads: threads, seconds: seconds)
      print(
        String(
          format: "{\"batch\": %d, \"threads\": %d, \"images_per_s\": %.1f}", batch, threads, rate))
    }
  }
}
