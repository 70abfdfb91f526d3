import Allocation
import Devices
import NetworkGraph
import NetworkTestSupport
import Quantities
import Surgery
import TestSupport
import Testing

@Suite("Limits hold on the network that is written", .tags(.pure))
struct LimitPropertyTests {
  /// A table with times, which rise and fall, of all layers at random widths.
  private func table(_ network: Network, seed: UInt64) -> LatencyTable {
    var random = SeededGenerator(seed: seed)
    let groups = network.channelGroups()
    let dense = groups.map(\.width)
    var points: [String: [LatencyTable.Point]] = [:]
    for layer in network.layers(groups: groups) {
      let (x, y) = (layer.input.value(widths: dense), layer.output.value(widths: dense))
      for (i, j) in [(x, y), (max(x / 2, 1), y), (x, max(y / 2, 1)), (1, 1)] {
        let known = points[layer.shape, default: []]
        if known.contains(where: { $0.input == i && $0.output == j }) { continue }
        points[layer.shape, default: []].append(
          .init(
            input: i, output: j, nanoseconds: Double.random(in: 10...5000, using: &random),
            nanojoules: Double.random(in: 1...90, using: &random)))
      }
    }
    return LatencyTable(device: "t", layers: points.map { .init(shape: $0, points: $1) })
  }

  @Test("no plan is over a budget counted on the pruned network", arguments: 0..<80)
  func neverOver(seed: Int) throws {
    let network = try RandomNetwork.network(seed: UInt64(2000 + seed))
    let groups = network.channelGroups()
    guard groups.contains(where: \.isPrunable) else { return }
    var random = SeededGenerator(seed: UInt64(seed))
    func share() -> Amount { .share(Double.random(in: 0.2...1, using: &random)) }
    let costs = network.costModel(groups: groups)
    let layers = network.layers(groups: groups)
    // The groups of a convolution are named by what stays of them, which surgery may change.
    let hasTimes = !layers.contains { $0.hasVariableShape || $0.shape.contains(" groups") }
    let resources: [BudgetResource] = hasTimes ? [.latency, .energy] : []
    let device = DeviceProfile(
      name: "d",
      budgets: ([.macs, .activationBytes] + resources).map {
        Budget(resource: $0, amount: share())
      }, channelMultiple: [2, 3, 4][seed % 3], latencyTable: "t", latencyMargin: 0)
    let table = table(network, seed: UInt64(seed))
    let problem = try AllocationProblem(
      device: device, groups: groups.map { GroupVariable($0, in: network) },
      utilities: groups.map { _ in .log(importance: 1) }, costs: [.macs: costs.macs],
      layers: layers, activationSteps: network.activationSteps(groups: groups), table: table)
    for strategy in ["certified", "greedy", "uniform", "released"] {
      guard case .plan(let plan) = try allocate(problem, strategy: strategy) else { continue }
      var selection = ChannelSelection()
      for group in groups where group.isPrunable {
        selection.kept[group.id] = Array(0..<plan.widths[group.id])
      }
      let pruned = try network.pruned(selection, groups: groups)
      let cost = pruned.cost()
      for usage in plan.usage {
        let counted: Int64
        switch usage.resource {
        case "macs": counted = cost.macs.count
        case "activation_bytes": counted = cost.peakActivationBytes.count
        default:
          let own = pruned.channelGroups()
          counted = try LayerTimes(
            table: table, resource: usage.resource == "energy" ? .energy : .latency
          ).prediction(of: pruned.layers(groups: own), widths: own.map(\.width)).total
        }
        #expect(counted == usage.used, "\(usage.resource)")
        #expect(counted <= usage.limit)
      }
    }
  }
}
