import ArgumentParser
import Datasets
import Devices
import Execution
import Foundation
import LinearAlgebra
import NetworkGraph
import ONNXFormat
import OneDNNBackend
import Pipeline
import Quantities

/// `espalier inspect`: layers, groups and costs of a network.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show the layers, channel groups and costs of a network.",
    discussion: """
      A group is a set of channels that can only be kept or removed together. What cannot be \
      pruned is listed with the reason.
      """)

  @Argument(help: "The ONNX file.") var model: String
  @Option(help: "table or json.") var format = OutputFormat.table

  func run() throws {
    let inspection = Inspection(try ONNXModel.read(URL(filePath: model)))
    switch format {
    case .json: try printJSON(inspection)
    case .table: print(inspection.table)
    }
  }
}

/// `espalier evaluate`: top-1 of a network.
struct EvaluateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Count the images that a network classifies as labelled.")

  @Argument(help: "The ONNX file.") var model: String
  @Option(help: "Labelled images.") var data: String
  @Option(help: "table or json.") var format = OutputFormat.table
  @Option(help: "Compute threads.") var threads = ProcessInfo.processInfo.activeProcessorCount
  @Flag(help: "Run on the plain reference backend: slow, and normative.") var reference = false

  func run() async throws {
    setOpenBLASThreads(1)
    let network = try ONNXModel.read(URL(filePath: model))
    let dataset = try ImageDataset.read(URL(filePath: data))
    try dataset.check(for: network)
    let backend: any Backend = reference ? ReferenceBackend() : OneDNNBackend()
    let runner = NetworkRunner(backend: backend, threads: threads)
    var count = CorrectCount()
    for start in stride(from: 0, to: dataset.count, by: 512) {
      let shard = dataset.shard(start..<min(start + 512, dataset.count))
      count =
        count
        + (try runner.correctCount(of: network, on: shard, microBatch: MicroBatches.defaultSize))
    }
    switch format {
    case .json:
      try printJSON(Answer(images: count.images, correct: count.correct, accuracy: count.accuracy))
    case .table:
      print(
        "\(count.correct) of \(count.images) images: \(Accuracy(correct: count.correct, total: count.images))"
      )
    }
  }

  private struct Answer: Codable {
    var images: Int
    var correct: Int
    var accuracy: Double
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
    abstract: "Measure this machine.", subcommands: [ForwardCommand.self])

  struct ForwardCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "forward",
      abstract: "Images a second through a network, on random input.")

    @Argument(help: "The ONNX file.") var model: String
    @Option(help: "Images in a run.") var batch = 250
    @Option(help: "Images that go through together on one thread.") var microBatch = MicroBatches
      .defaultSize
    @Option(help: "Compute threads.") var threads = 2
    @Option(help: "How long to measure, in seconds.") var seconds = 5.0

    func run() throws {
      let network = try ONNXModel.read(URL(filePath: model))
      let rate = try ForwardBenchmark.imagesPerSecond(
        network: network, backend: OneDNNBackend(), images: batch, microBatch: microBatch,
        threads: threads, seconds: seconds)
      print(
        String(
          format: "{\"batch\": %d, \"threads\": %d, \"images_per_s\": %.1f}", batch, threads, rate))
    }
  }
}
