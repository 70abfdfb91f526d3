import Devices
import Digests
import Execution
import NetworkGraph
import Pipeline
import Quantities
import TestSupport
import Testing

@Suite("Limits of latency in a sweep", .tags(.backend))
struct LatencyStoryTests {
  /// Times that grow with channels read and written, measured at the corners.
  private static func table(of network: Network) -> LatencyTable {
    let groups = network.channelGroups()
    let dense = groups.map(\.width)
    var points: [String: Set<[Int]>] = [:]
    for layer in network.layers(groups: groups) {
      let (x, y) = (layer.input.value(widths: dense), layer.output.value(widths: dense))
      points[layer.shape, default: []].formUnion([[1, 1], [1, y], [x, 1], [x, y]])
    }
    return LatencyTable(
      device: "board",
      layers: points.map { shape, corners in
        .init(
          shape: shape,
          points: corners.map {
            .init(input: $0[0], output: $0[1], nanoseconds: 1000 + Double(100 * $0[0] * $0[1]))
          })
      })
  }

  @Test("devices with a table, with peak rates and with neither are served by one sweep")
  func story() async throws {
    var sweep = try SmallSweep()
    let digest = sweep.artifacts.put(
      try CanonicalJSON.encode(Self.table(of: sweep.network)))
    let latency = Budget(resource: .latency, amount: .share(0.6))
    sweep.definition.devices = [
      DeviceProfile(name: "board", budgets: [latency], latencyTable: digest.hex),
      DeviceProfile(
        name: "sketch", budgets: [latency],
        roofline: Roofline(macsPerSecond: 1e9, bytesPerSecond: 1e9, layerOverhead: 1e-6)),
      SmallSweep.device("plain", [.macs: 0.5]),
    ]
    sweep.definition.recipe.latencyRepeats = 3
    let variants = try await sweep.run().report.variants
    for variant in variants {
      #expect(variant.status == .ready, "\(variant.reason ?? "")")
      #expect(variant.latency.map { $0.nanoseconds > 0 } == true)
    }
    // What was promised is what the file is predicted to take, with room for the margin.
    for variant in variants.prefix(2) {
      let use = try #require(variant.budgets["latency"])
      #expect(variant.predictedLatency == use.used && use.used <= use.limit)
    }
    #expect(variants[0].latencySource == .interpolated || variants[0].latencySource == .measured)
    #expect(variants[1].latencySource == .estimated)
    #expect(variants[2].predictedLatency == nil)
  }
}
