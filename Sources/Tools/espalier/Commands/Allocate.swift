import Allocation
import ArgumentParser
import Devices
import Drawing
import Foundation
import NetworkGraph
import ONNXFormat
import Pipeline
import Surgery

/// `espalier allocate`: widths alone, without a cluster and without data.
struct AllocateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "allocate",
    abstract: "Choose the widths of a network for every device of a catalogue.",
    discussion: """
      Scores are a JSON object from group names to importances, or what `espalier scores --format \
      json` prints for taps of groups; without them all groups matter equally. Every answer says what it is worth, \
      what no plan can exceed, and why.

      --output-dir writes the pruned networks, too: the channels that stay are those whose weights \
      are largest, and nothing makes up for the others. `espalier run` does that.

      Strategies: \(AllocationStrategies.names).
      """)

  @Argument(help: "The ONNX file.") var model: String
  @OptionGroup var models: ModelOptions
  @Option(help: ArgumentHelp("The catalogue of devices.", valueName: "file.yaml"))
  var devices: String
  @Option(help: ArgumentHelp("Importances of groups.", valueName: "file.json"))
  var scores: String?
  @Option(help: "How widths are chosen.") var strategy = "certified"
  @Option(help: "log or linear: what a share of a group's width is worth.") var utility = "log"
  @Option(help: "Leave it at a plan this share below the bound, as 0.001.") var gap = 0.0
  @Option(help: "Print this many of the best plans for each device.") var top = 1
  @Flag(
    help: "Ask that bigger budgets contain smaller ones; the devices must be alike but for them.")
  var ladder = false
  @Flag(help: "Say for every group what it cost and what more of it would bring.")
  var explain = false
  @Option(
    help: ArgumentHelp(
      "Draw every plan's widths by layer; of several plans, to FILE-DEVICE.svg and on.",
      valueName: "file.svg"))
  var plot: String?
  @Option(
    help: ArgumentHelp(
      "Write every plan's network, as DEVICE.onnx or DEVICE-2.onnx and on.", valueName: "dir"))
  var outputDir: String?
  @Option(help: "table or json.") var format = OutputFormat.table

  func validate() throws {
    guard ["log", "linear"].contains(utility) else {
      throw ValidationError("--utility '\(utility)': give log or linear")
    }
    try AllocationStrategies.check(strategy, gap: gap, top: top, ladder: ladder)
  }

  /// The answer for one device.
  private struct Answer: Encodable {
    var device: String
    var plans: [Plan] = []
    /// Why there is none.
    var infeasible: InfeasibleBudget?

    struct Plan: Encodable {
      var widths: [String: Int]
      var plan: PruningPlanWidths
      /// Of `released`: channels that the widths differ by from those of equal importances.
      var importanceInfluence: Int?
      var explanation: PlanExplanation?
    }
  }

  func run() throws {
    let network = try models.read(model)
    let channels = network.channelGroups()
    let groups = channels.map { GroupVariable($0, in: network) }
    let costs = network.costModel(groups: channels)
    let catalogue = try DeviceCatalogue.read(URL(filePath: devices))
    let batch = AllocationBatch(
      groups: groups, utilities: try utilities(of: channels, in: network),
      costs: [.macs: costs.macs, .parameters: costs.parameters, .modelBytes: costs.modelBytes],
      layers: network.layers(groups: channels),
      activationSteps: network.activationSteps(groups: channels))
    for table in Set(catalogue.compactMap(\.latencyTable)) {
      batch.add(try LatencyTable.read(URL(filePath: table)), named: table)
    }
    do {
      let problems = try catalogue.map(batch.problem)
      let outcomes = try outcomes(catalogue, batch)
      for (device, plans) in zip(catalogue, outcomes) {
        if let outputDir {
          try write(plans, of: device.name, network, channels, to: URL(filePath: outputDir))
        }
        if let plot {
          let isOnly = catalogue.count == 1 && plans.count == 1
          try draw(plans, of: device.name, network, channels, to: plot, isOnly: isOnly)
        }
      }
      try show(
        zip(catalogue, zip(problems, outcomes)).map { answer($0.name, $1.0, $1.1) })
    } catch let error as AllocationError {
      throw InputError("\(devices): \(error.message)")
    }
  }

  private func outcomes(
    _ catalogue: [DeviceProfile], _ batch: AllocationBatch
  ) throws -> [[AllocationOutcome]] {
    if ladder { return try batch.ladder(catalogue, targetGap: gap).map { [$0] } }
    if top > 1 { return try catalogue.map { try batch.best(top, for: $0, targetGap: gap) } }
    return try batch.allocate(catalogue, strategy: strategy, targetGap: gap).map { [$0] }
  }

  /// Draws the widths of a device's plans.
  private func draw(
    _ outcomes: [AllocationOutcome], of device: String, _ network: Network,
    _ groups: [ChannelGroup], to file: String, isOnly: Bool
  ) throws {
    let file = URL(filePath: file)
    for (place, outcome) in outcomes.enumerated() {
      guard case .plan(let plan) = outcome else { continue }
      let stem = file.deletingPathExtension().lastPathComponent
      let name = isOnly ? numbered(stem, place) : "\(stem)-" + fileName(of: device, place)
      try WidthChart(
        title: "\(device): \(URL(filePath: model).lastPathComponent) by \(strategy)",
        layers: network.layerWidths(network.largest(plan.widths, of: groups), groups: groups)
      ).write(to: file.deletingLastPathComponent().appending(path: "\(name).svg"))
    }
  }

  /// Writes the networks of a device's plans; weights beside the model where they are too large for
  /// one file.
  private func write(
    _ outcomes: [AllocationOutcome], of device: String, _ network: Network,
    _ groups: [ChannelGroup], to folder: URL
  ) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (place, outcome) in outcomes.enumerated() {
      guard case .plan(let plan) = outcome else { continue }
      let file = folder.appending(path: fileName(of: device, place) + ".onnx")
      let selection = network.largest(plan.widths, of: groups)
      try ONNXModel.write(try network.pruned(selection, groups: groups), to: file)
      note("\(file.path) written")
    }
  }

  /// What files of a device's plan are called; the best plan bears no number.
  private func fileName(of device: String, _ place: Int) -> String {
    numbered(device.replacingOccurrences(of: "/", with: "_"), place)
  }

  private func numbered(_ stem: String, _ place: Int) -> String {
    place == 0 ? stem : "\(stem)-\(place + 1)"
  }

  private func answer(
    _ device: String, _ problem: AllocationProblem, _ outcomes: [AllocationOutcome]
  ) -> Answer {
    var answer = Answer(device: device)
    for outcome in outcomes {
      switch outcome {
      case .infeasible(let reason): answer.infeasible = reason
      case .plan(let plan):
        answer.plans.append(
          Answer.Plan(
            widths: Dictionary(
              zip(problem.groups.map(\.name), plan.widths), uniquingKeysWith: { first, _ in first }),
            plan: plan, importanceInfluence: problem.importanceInfluence(of: plan),
            explanation: explain ? problem.explanation(of: plan) : nil))
      }
    }
    return answer
  }

  private func show(_ answers: [Answer]) throws {
    switch format {
    case .json: try printJSON(answers)
    case .table: print(answers.map(text).joined(separator: "\n"))
    }
    if answers.contains(where: { $0.plans.isEmpty }) {
      throw ExitCode(ExitStatus.partial.rawValueForExit)
    }
  }

  private func text(_ answer: Answer) -> String {
    if let reason = answer.infeasible { return "\(answer.device)  infeasible: \(reason)" }
    return answer.plans.map { entry in
      let plan = entry.plan
      let usage = plan.usage.map(\.text)
      var line = String(
        format: "%@  %@  utility %.6g, gap %.3g %%  %@", answer.device, plan.strategy,
        plan.objective, 100 * plan.gap, usage.joined(separator: ", "))
      line += "\n  " + plan.widths.map(String.init).joined(separator: " ")
      if let influence = entry.importanceInfluence {
        line += "\n  importances moved the widths by \(influence) channels in all"
      }
      if let explanation = entry.explanation { line += "\n\(explanation)" }
      return line
    }.joined(separator: "\n")
  }

  /// What `espalier scores --format json` prints, as far as it is needed here.
  private struct TapScores: Decodable {
    var taps: [String]
    var importance: [Double]
  }

  private func utilities(of groups: [ChannelGroup], in network: Network) throws -> [Utility] {
    var importance: [String: Double] = [:]
    if let scores {
      let data = try readScores(scores)
      if let taps = try? JSONDecoder().decode(TapScores.self, from: data) {
        importance = Dictionary(zip(taps.taps, taps.importance), uniquingKeysWith: { a, _ in a })
      } else if let named = try? JSONDecoder().decode([String: Double].self, from: data) {
        importance = named
      } else {
        throw InputError(
          "\(scores): neither an object from group names to importances nor the scores of a sweep")
      }
    }
    return try groups.map { group in
      var value = group.isPrunable ? 1.0 : 0
      if scores != nil, group.isPrunable {
        // A tap is a group's narrowest activation; wider ones are shared with other groups.
        let activations = group.members.map(\.axis).filter { network[$0.value].constant == nil }
          .sorted { extent($0, network) < extent($1, network) }
        let names = [group.name] + activations.map { network[$0.value].name }
        guard let known = names.lazy.compactMap({ importance[$0] }).first else {
          throw InputError(
            "\(scores ?? ""): there is no importance of group '\(group.name)'; "
              + "`espalier inspect \(model)` lists the groups")
        }
        value = known
      }
      return utility == "log" ? .log(importance: value) : .linear(importance: value)
    }
  }

  private func extent(_ axis: AxisID, _ network: Network) -> Int {
    network[axis.value].shape[axis.axis].extent ?? .max
  }

  private func readScores(_ path: String) throws -> Data {
    do {
      return try Data(contentsOf: URL(filePath: path))
    } catch {
      throw InputError("\(path): cannot be read; check the path of the scores")
    }
  }
}
