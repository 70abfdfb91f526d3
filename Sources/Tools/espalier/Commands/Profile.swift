import Allocation
import ArgumentParser
import Devices
import Digests
import Execution
import Foundation
import NetworkGraph
import ONNXFormat
import OneDNNBackend
import Profiling

/// `espalier profile`: how long layers take on this machine.
struct ProfileCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "profile",
    abstract: "Measure how long the layers of a network take on this machine, at many widths.",
    discussion: """
      Writes a latency table, which devices name as latency_table. The network runs on one thread, \
      an image at a time; layers are timed where they stand. Killed and started again with the same \
      options, it goes on.

      --layers DIR measures nothing: it writes every layer as an ONNX file of its own, with a list \
      for scripts/profile_onnxruntime.py, which measures them on a device that has ONNX Runtime.
      """)

  @Argument(help: "The ONNX file.") var model: String
  @OptionGroup var models: ModelOptions
  @Option(help: "What the device is called in the table.") var deviceName: String?
  @Option(help: ArgumentHelp("The table.", valueName: "file.yaml")) var output: String?
  @Option(help: ArgumentHelp("Write layers as models instead.", valueName: "dir"))
  var layers: String?
  @Option(help: "Widths are multiples of this, as the device's channel_multiple.") var multiple = 8
  @Option(help: "The least share of a group's channels.") var minimumKeepRatio = 0.1
  @Option(help: "Measured runs at every choice of widths.") var repeats = 20
  @Option(help: "The most levels of width.") var levels = 9

  func validate() throws {
    guard (layers == nil) != (output == nil), (output == nil) == (deviceName == nil) else {
      throw ValidationError("give --device-name and --output, or --layers")
    }
    guard multiple >= 1 else { throw ValidationError("--multiple \(multiple): give 1 or more") }
    guard minimumKeepRatio > 0, minimumKeepRatio <= 1 else {
      throw ValidationError("--minimum-keep-ratio \(minimumKeepRatio): give a share above 0")
    }
    guard repeats >= 1 else { throw ValidationError("--repeats \(repeats): give 1 or more") }
    guard levels >= 2 else { throw ValidationError("--levels \(levels): give 2 or more") }
  }

  func run() throws {
    let network = try models.read(model)
    var settings = ProfileSettings()
    settings.multiple = multiple
    settings.minimumKeepRatio = minimumKeepRatio
    settings.repeats = repeats
    settings.levels = levels
    if let layers {
      let items = try LayerModels.write(network, settings: settings, to: URL(filePath: layers))
      note("\(items.count) layers written to \(layers)")
      return
    }
    guard let output, let deviceName else { return }
    try measure(network, settings, device: deviceName, to: URL(filePath: output))
  }

  private func measure(
    _ network: Network, _ settings: ProfileSettings, device: String, to file: URL
  ) throws {
    let backend = OneDNNBackend()
    let identity = backend.identity
    let name = URL(filePath: model).lastPathComponent
    let remarks = [
      LatencyTable.Remark("model", name),
      LatencyTable.Remark("backend", "\(identity.name) \(identity.version)"),
      LatencyTable.Remark("instruction_set", identity.instructionSet),
      LatencyTable.Remark("processor", Self.processor), LatencyTable.Remark("threads", "1"),
      LatencyTable.Remark("repeats", "\(repeats)"),
      LatencyTable.Remark("multiple", "\(multiple)"),
      LatencyTable.Remark("program", "espalier \(Espalier.configuration.version)"),
    ]
    let journalFile = file.appendingPathExtension("partial")
    let journal = try ProfileJournal(
      journalFile,
      header: .init(
        model: try Digest(of: Data(contentsOf: URL(filePath: model))).hex,
        machine: remarks.map { "\($0.key): \($0.text)" } + models.bind, settings: settings))
    if !journal.entries.isEmpty {
      note("going on after \(journal.entries.count) runs of \(journalFile.path)")
    }
    let profiler = LatencyProfiler(network: network, backend: backend, settings: settings)
    try profiler.measure(journal) { done, total in
      if done % 10 == 0 || done == total { note("\(done) of about \(total) widths measured") }
    }
    let table = profiler.table(device: device, remarks: remarks, journal.entries)
    try Data(table.yaml.utf8).write(to: file, options: .atomic)
    try FileManager.default.removeItem(at: journalFile)
    let count = table.layers.reduce(0) { $0 + $1.points.count }
    note("\(file.path): \(count) times of \(table.layers.count) shapes")
  }

  private static var processor: String {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
    let name = line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
    return name ?? "unknown"
  }
}

/// `espalier latency`: what a network is predicted to take.
struct LatencyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "latency",
    abstract: "Predict how long a network takes on a device, from its table of layers.",
    discussion: """
      The table is a latency table, as YAML or CSV; of a device in a catalogue, --devices and \
      --device take its table or its roofline. Every layer is measured, interpolated between \
      measured widths, or estimated.
      """)

  @Argument(help: "The ONNX file.") var model: String
  @OptionGroup var models: ModelOptions
  @Option(help: ArgumentHelp("The table.", valueName: "file")) var table: String?
  @Option(help: ArgumentHelp("A catalogue of devices.", valueName: "file.yaml"))
  var devices: String?
  @Option(help: "A device of the catalogue.") var device: String?
  @Flag(help: "Also run it here, on one thread.") var measure = false
  @Option(help: "table or json.") var format = OutputFormat.table

  func validate() throws {
    guard (table == nil) != (devices == nil), (devices == nil) == (device == nil) else {
      throw ValidationError("give --table, or --devices and --device")
    }
  }

  private struct Answer: Encodable {
    var predicted: LatencyPrediction
    var total: Int64
    var source: LatencySurface.Source
    var measured: LatencyMeasurement?
  }

  func run() throws {
    let network = try models.read(model)
    let groups = network.channelGroups()
    let prediction: LatencyPrediction
    do {
      prediction = try times().prediction(
        of: network.layers(groups: groups), widths: groups.map(\.width))
    } catch let error as AllocationError {
      throw InputError("\(table ?? device ?? ""): \(error.message)")
    }
    let measured =
      measure
      ? try LatencyBenchmark.measure(network: network, backend: OneDNNBackend()) : nil
    switch format {
    case .json:
      try printJSON(
        Answer(
          predicted: prediction, total: prediction.total, source: prediction.source,
          measured: measured))
    case .table: print(text(prediction, measured))
    }
  }

  private func times() throws -> LayerTimes {
    if let table { return LayerTimes(table: try LatencyTable.read(URL(filePath: table))) }
    let all = try DeviceCatalogue.read(URL(filePath: devices ?? ""))
    guard let found = all.first(where: { $0.name == device }) else {
      throw InputError("\(devices ?? ""): there is no device '\(device ?? "")'")
    }
    guard found.latencyTable != nil || found.roofline != nil else {
      throw InputError(
        "\(devices ?? ""): '\(found.name)' has neither a latency_table nor a roofline")
    }
    return LayerTimes(
      table: try found.latencyTable.map { try LatencyTable.read(URL(filePath: $0)) },
      roofline: found.roofline)
  }

  private func text(_ prediction: LatencyPrediction, _ measured: LatencyMeasurement?) -> String {
    func ms(_ amount: Int64) -> String { String(format: "%9.4f ms", Double(amount) / 1e6) }
    var lines = prediction.entries.map { entry in
      "\(ms(entry.amount))  \(entry.source.rawValue)  \(entry.name): \(entry.shape), "
        + "\(entry.input) → \(entry.output)"
    }
    lines.append("\(ms(prediction.overhead))  beside layers")
    let mark = prediction.source == .measured ? "" : " (\(prediction.source.rawValue))"
    lines.append("\(ms(prediction.total))  predicted\(mark)")
    if let measured {
      lines.append("\(ms(measured.nanoseconds))  measured here, ± \(ms(measured.spread))")
    }
    return lines.joined(separator: "\n")
  }
}
