import Allocation
import ArgumentParser
import Devices
import Execution
import Foundation
import NetworkGraph
import ONNXFormat
import OneDNNBackend
import Parallelism
import Pipeline
import Profiling
import Quantities
import Surgery

/// `espalier benchmark latency`: predictions against the clock.
struct LatencyBenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "latency",
    abstract: "Prune a network to shares of its latency and measure what was predicted.",
    discussion: """
      The table must have been made on this machine by `espalier profile` of the same network. The \
      network itself is run in turn with every variant; where it takes longer than it took for the \
      table, the machine is slower now, and measured times are given at the table's speed and in \
      processor time (measured_ms, error, met) beside those by the clock (clock_ms, clock_error, \
      clock_met). \
      Widths are chosen under log utility with equal importances; a variant meets its limit in a \
      repeat when the median of that repeat does.
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
    /// The median of the repeats' medians, at the table's speed and by the clock.
    var measuredMS: Double
    var clockMS: Double
    /// |predicted − measured| / measured.
    var error: Double
    var clockError: Double
    var met: Int
    var clockMet: Int
    var repeats: Int

    enum CodingKeys: String, CodingKey {
      case budget, source, error, met, repeats
      case limitMS = "limit_ms"
      case predictedMS = "predicted_ms"
      case measuredMS = "measured_ms"
      case clockMS = "clock_ms"
      case clockError = "clock_error"
      case clockMet = "clock_met"
    }
  }

  private struct Answer: Encodable {
    var model: String
    var densePredictedMS: Double
    /// When the table was made, and now by the clock.
    var denseReferenceMS: Double?
    var denseClockMS: Double
    var rows: [Row]
    var meanError: Double
    var meanClockError: Double

    enum CodingKeys: String, CodingKey {
      case model, rows
      case densePredictedMS = "dense_predicted_ms"
      case denseReferenceMS = "dense_reference_ms"
      case denseClockMS = "dense_clock_ms"
      case meanError = "mean_error"
      case meanClockError = "mean_clock_error"
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
    let batch = AllocationBatch(
      groups: channels.map { GroupVariable($0, in: network) },
      utilities: channels.map { .log(importance: $0.isPrunable ? 1 : 0) }, costs: [:],
      layers: network.layers(groups: channels))
    batch.add(table, named: "table")
    let dense = try predicted(network).total
    let reference = try SpeedReference(network, backend: OneDNNBackend())
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
        try row(
          text, limit: amount.limit(of: dense), try predicted(pruned), pruned,
          in: reference, at: table.referenceNanoseconds))
    }
    let denseTime = try LatencyBenchmark.measure(network: network, backend: OneDNNBackend())
    try printJSON(
      Answer(
        model: model, densePredictedMS: Double(dense) / 1e6,
        denseReferenceMS: table.referenceNanoseconds.map { $0 / 1e6 },
        denseClockMS: Double(denseTime.nanoseconds) / 1e6, rows: rows,
        meanError: rows.map(\.error).reduce(0, +) / Double(max(rows.count, 1)),
        meanClockError: rows.map(\.clockError).reduce(0, +) / Double(max(rows.count, 1))))
  }

  /// Measures a variant in turn with the network as it was given.
  private func row(
    _ budget: String, limit: Int64, _ prediction: LatencyPrediction, _ network: Network,
    in reference: SpeedReference, at speed: Double?
  ) throws -> Row {
    let plan = try OneDNNBackend().plan(network, options: ExecutionOptions(batch: 1))
    let inputs = network.syntheticInputs()
    var (clock, atSpeed): ([Int64], [Int64]) = ([], [])
    for _ in 0..<max(repeats, 1) {
      let turns = try reference.inTurns(50) {
        var processor: Int64 = 0
        let clock = try LatencyBenchmark.time {
          processor = try ProcessorTime.of { _ = try plan.run(inputs) }
        }
        return (clock: clock, processor: processor)
      }
      clock.append(LatencyMeasurement(turns.map(\.value.clock)).nanoseconds)
      let scaled = turns.map {
        Int64(Double($0.value.processor) * (speed ?? $0.reference) / $0.reference)
      }
      atSpeed.append(LatencyMeasurement(scaled).nanoseconds)
    }
    let measured = Double(LatencyMeasurement(atSpeed).nanoseconds)
    let byClock = Double(LatencyMeasurement(clock).nanoseconds)
    let predicted = Double(prediction.total)
    return Row(
      budget: budget, limitMS: Double(limit) / 1e6, predictedMS: predicted / 1e6,
      source: prediction.source, measuredMS: measured / 1e6, clockMS: byClock / 1e6,
      error: abs(predicted - measured) / measured,
      clockError: abs(predicted - byClock) / byClock, met: atSpeed.count { $0 <= limit },
      clockMet: clock.count { $0 <= limit }, repeats: clock.count)
  }
}
