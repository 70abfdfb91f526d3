import Allocation
import Devices
import Execution
import Foundation
import NetworkGraph
import NetworkTestSupport
import ONNXFormat
import OneDNNBackend
import Surgery
import TestSupport
import Testing

@testable import Profiling

@Suite("Profiles", .tags(.backend))
struct ProfilingTests {
  private func network() throws -> Network {
    var builder = NetworkBuilder("chain", input: [3, 8, 8])
    var x = try builder.relu(
      try builder.convolution(builder.input, outputs: 16, name: "a"), name: "a.relu")
    let inner = try builder.relu(
      try builder.convolution(x, outputs: 24, name: "b"), name: "b.relu")
    x = try builder.add(x, try builder.convolution(inner, outputs: 16, name: "c"), name: "sum")
    x = try builder.flatten(try builder.globalAverage(x))
    let head = try builder.gemm(x, outputs: 4, name: "head")
    return builder.finished(head)
  }

  private var settings: ProfileSettings {
    var settings = ProfileSettings()
    settings.repeats = 3
    settings.levels = 3
    return settings
  }

  /// The network with so many of the sum's 16 channels, and of the inner 24.
  private func pruned(_ network: Network, sum: Int, inner: Int) throws -> Network {
    let groups = network.channelGroups()
    var selection = ChannelSelection()
    for group in groups where group.isPrunable {
      selection.kept[group.id] = Array(0..<(group.width == 16 ? sum : inner))
    }
    return try network.pruned(selection, groups: groups)
  }

  @Test("every layer meets every pair of levels")
  func schedule() throws {
    let network = try network()
    let groups = network.channelGroups()
    let layers = network.layers(groups: groups)
    let schedule = WidthSchedule(
      groups: groups, layers: layers, multiple: 8, minimumKeepRatio: 0.1)
    var met: [Set<[Int]>] = layers.map { _ in [] }
    for half in 0..<schedule.halves {
      for first in 0...schedule.finest {
        for second in 0...schedule.finest {
          let widths = schedule.widths(half: half, first, second)
          for (place, layer) in layers.enumerated() {
            met[place].insert(
              [layer.input.value(widths: widths), layer.output.value(widths: widths)])
          }
        }
      }
    }
    let inner = try #require(layers.firstIndex { $0.name == "b" })
    #expect(met[inner] == Set([8, 16].flatMap { x in [8, 16, 24].map { [x, $0] } }))
  }

  @Test("a profile knows every layer of every plan, and goes on where it was stopped")
  func profile() throws {
    let network = try network()
    let profiler = LatencyProfiler(
      network: network, backend: OneDNNBackend(), settings: settings)
    let file = FileManager.default.temporaryDirectory.appending(
      path: "\(UUID().uuidString).partial")
    defer { try? FileManager.default.removeItem(at: file) }
    let header = ProfileJournal.Header(model: "m", machine: ["here"], settings: settings)
    let first = try ProfileJournal(file, header: header)
    try profiler.measure(first) { _, _ in }
    let table = profiler.table(device: "here", remarks: [], first.entries)
    #expect(try LatencyTable.parse(table.yaml, file: "t").layers.count == table.layers.count)
    let times = LayerTimes(table: table)
    for (sum, inner) in [(8, 8), (16, 16), (8, 24), (16, 24)] {
      let network = try pruned(network, sum: sum, inner: inner)
      let groups = network.channelGroups()
      let prediction = try times.prediction(
        of: network.layers(groups: groups), widths: groups.map(\.width))
      #expect(prediction.source == .measured && prediction.total > 0)
    }
    // Killed in the middle of a line.
    let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
    let cut = lines.prefix(3).joined(separator: "\n") + "\n" + lines[3].prefix(10)
    try Data(cut.utf8).write(to: file)
    let second = try ProfileJournal(file, header: header)
    #expect(second.entries == Array(first.entries.prefix(2)))
    var runs = 0
    try profiler.measure(second) { _, _ in runs += 1 }
    #expect(second.entries.count == first.entries.count)
    #expect(runs == first.entries.count - 2 + 1)
    var other = header
    other.model = "n"
    #expect(throws: ProfileError.self) { try ProfileJournal(file, header: other) }
  }

  @Test("the steps of a run add up to it")
  func stepsAddUp() throws {
    let network = try network()
    let plan = try OneDNNBackend().plan(network, options: ExecutionOptions(batch: 1))
    let timed = try #require(plan as? any TimedPlan)
    let times = try timed.nodeTimes(network.syntheticInputs())
    #expect(Set(times.keys).isSubset(of: network.nodes.indices))
    let whole = try LatencyBenchmark.time { _ = try timed.nodeTimes(network.syntheticInputs()) }
    #expect(times.values.reduce(0, +) > 0 && whole > 0)
    let reference = LatencyProfiler(
      network: network, backend: ReferenceBackend(), settings: settings)
    #expect(throws: ProfileError.self) { try reference.measure(ProfileJournal()) { _, _ in } }
  }

  @Test("layers are written as models that compute, with a list")
  func layerModels() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }
    let items = try LayerModels.write(network(), settings: settings, to: folder)
    let list = try String(contentsOf: folder.appending(path: "layers.csv"), encoding: .utf8)
    #expect(list.split(separator: "\n").count == items.count + 1)
    for item in items {
      let layer = try ONNXModel.read(folder.appending(path: item.file))
      let plan = try OneDNNBackend().plan(layer, options: ExecutionOptions(batch: 1))
      #expect(try plan.run(layer.syntheticInputs()).values.count == 1)
    }
  }
}
