import Allocation
import ArgumentParser
import Devices
import Execution
import Foundation
import NetworkGraph
import ONNXFormat
import OneDNNBackend
import Pipeline
import Quantities
import Surgery

/// `espalier benchmark latency`: predictions against the clock.
struct LatencyBenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "latency",
    abstract: "Prune a network to shares of its latency and measure what was predicted.",
    discussion: """
      The table must have been made on this machine by `espalier profile`, and nothing else should \
      run. Widths are chosen under log utility with equal importances; a variant meets its limit in \
      a repeat when the median of that repeat does.
      """)

  @Argument(help: "The ONNX file.") var model: String
  @OptionGroup var models: ModelOptions
  @Option(help: ArgumentHelp("The latency table.", valueName: "file.yaml")) var table: String
  @Option(help: "Shares of the dense network's predicted latency.") var budgets =
    "80%,65%,50%,40%"
  @Option(help: "Widths are multiples of this.") var multiple = 8
  @Option(help: "How much of a budget is left free, as a share.") var margin =
    DeviceProfile.defaultLatencyMargin
  @Option(help: "Measurements of every variant, 50 images each.") var repeats = 10

  private struct Row: Encodable {
    var budget: String
    var limitMS: Double
    var predictedMS: Double
    var source: LatencySurface.Source
    /// The median of the repeats' medians.
    var measuredMS: Double
    /// |predicted − measured| / measured.
    var error: Double
    var met: Int
    var repeats: Int

    enum CodingKeys: String, CodingKey {
      case budget, source, error, met, repeats
      case limitMS = "limit_ms"
      case predictedMS = "predicted_ms"
      case measuredMS = "measured_ms"
    }
  }

  private struct Answer: Encodable {
    var model: String
    var densePredictedMS: Double
    var denseMeasuredMS: Double
    var rows: [Row]
    var meanError: Double

    enum CodingKeys: String, CodingKey {
      case model, rows
      case densePredictedMS = "dense_predicted_ms"
      case denseMeasuredMS = "dense_measured_ms"
      case meanError = "mean_error"
    }
  }

  func run() throws {
    let network = try models.read(model)
    let channels = network.channelGroups()
    let table = try LatencyTable.read(URL(filePath: table))
    let times = LayerTimes(table: table)
    func predicted(_ network: Network) throws -> LatencyPrediction {
      let groups = network.channelGroups()
      return try times.prediction(
        of: network.layers(groups: groups), widths: groups.map(\.width))
    }
    var batch = AllocationBatch(
      groups: channels.map { GroupVariable($0, in: network) },
      utilities: channels.map { .log(importance: $0.isPrunable ? 1 : 0) }, costs: [:])
    batch.layers = network.layers(groups: channels)
    batch.latencyTables = ["table": table]
    let dense = try predicted(network).total
    var rows: [Row] = []
    for text in budgets.split(separator: ",").map(String.init) {
      let amount = try Amount(parsing: text, as: .time)
      let device = DeviceProfile(
        name: text, budgets: [Budget(resource: .latency, amount: amount)],
        channelMultiple: multiple, latencyTable: "table", latencyMargin: margin)
      let outcome = try batch.allocate([device])[0]
      guard case .plan(let plan) = outcome else {
        if case .infeasible(let reason) = outcome { note("\(text): infeasible: \(reason)") }
        continue
      }
      let pruned = try network.pruned(
        network.largest(plan.widths, of: channels), groups: channels)
      rows.append(
        try row(text, limit: amount.limit(of: dense), try predicted(pruned), pruned))
    }
    let denseTime = try LatencyBenchmark.measure(network: network, backend: OneDNNBackend())
    try printJSON(
      Answer(
        model: model, densePredictedMS: Double(dense) / 1e6,
        denseMeasuredMS: Double(denseTime.nanoseconds) / 1e6, rows: rows,
        meanError: rows.map(\.error).reduce(0, +) / Double(max(rows.count, 1))))
  }

  private func row(
    _ budget: String, limit: Int64, _ prediction: LatencyPrediction, _ network: Network
  ) throws -> Row {
    let medians = try (0..<max(repeats, 1)).map { _ in
      try LatencyBenchmark.measure(network: network, backend: OneDNNBackend()).nanoseconds
    }
    let measured = Double(LatencyMeasurement(medians).nanoseconds)
    return Row(
      budget: budget, limitMS: Double(limit) / 1e6, predictedMS: Double(prediction.total) / 1e6,
      source: prediction.source, measuredMS: measured / 1e6,
      error: abs(Double(prediction.total) - measured) / measured,
      met: medians.count { $0 <= limit }, repeats: medians.count)
  }
}
