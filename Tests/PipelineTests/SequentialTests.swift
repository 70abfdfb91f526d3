import Datasets
import Execution
import NetworkGraph
import OneDNNBackend
import Recovery
import Surgery
import Tensors
import TestSupport
import Testing

@testable import Pipeline

@Suite("Fits layer by layer", .tags(.backend))
struct SequentialTests {
  private static let selected: [String: [Int]] = [
    "block0.inner.conv": [0, 2, 3, 7, 9], "block1.inner.conv": [1, 2, 3, 5, 8, 9, 10],
  ]

  private static func form(
    of network: Network, _ selected: [String: [Int]] = selected
  ) throws -> PrunedForm {
    let groups = network.channelGroups()
    var selection = ChannelSelection()
    for group in groups { selection.kept[group.id] = selected[group.name] }
    let pruned = try network.pruned(selection, groups: groups)
    return PrunedForm(
      pruned: pruned, prior: pruned, kept: network.keptIndices(selection, groups: groups))
  }

  private static func fitted(
    _ forms: [PrunedForm], to network: Network, damping: Double = 0.001, steps: Int = 4,
    meanWeight: Int = 4, pairRounds: Int = 0, threads: Int = 1, chunk: Int = 16,
    images count: Int = 96
  ) throws -> [SequentialReconstruction.Fitted] {
    let images = SmallSweep.images(96, seed: 11)
    let chunks = stride(from: 0, to: count, by: chunk).map {
      images.shard($0..<min($0 + chunk, count)).tensors
    }
    let fit = SequentialReconstruction(
      dense: network, relativeDamping: damping, positions: 16, clampSteps: steps,
      meanWeight: meanWeight, pairRounds: pairRounds, microBatch: 4,
      runner: NetworkRunner(backend: OneDNNBackend(), threads: threads))
    return try fit.fitted(forms, on: chunks)
  }

  private static func change(_ a: Network, _ b: Network) throws -> Double {
    let images = SmallSweep.images(64, seed: 500).tensors[0]
    let logits = try [a, b].map { try StoryTests.logits(of: $0, images).elements }
    return zip(logits[0], logits[1]).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
  }

  @Test(
    "a fitted network answers more like the dense one, on images it has not seen",
    arguments: [0, 4], [0, 4])
  func nearer(steps: Int, meanWeight: Int) throws {
    let network = try SmallSweep.residualNetwork()
    let form = try Self.form(of: network)
    let fitted = try Self.fitted([form], to: network, steps: steps, meanWeight: meanWeight)[0]
    #expect(fitted.unfitted.isEmpty)
    let (before, after) = (
      try Self.change(network, form.pruned), try Self.change(network, fitted.network)
    )
    #expect(after < 0.8 * before, "\(before) before, \(after) after")
  }

  @Test("layers fitted in pairs bring the network nearer still")
  func pairs() throws {
    let network = try SmallSweep.residualNetwork()
    let form = try Self.form(of: network)
    let changes = try [0, 6].map { rounds in
      try Self.change(
        network, Self.fitted([form], to: network, pairRounds: rounds)[0].network)
    }
    #expect(changes[1] < 0.97 * changes[0], "\(changes)")
  }

  @Test("threads and chunks do not matter, nor threads to pairs")
  func deterministic() throws {
    let network = try SmallSweep.residualNetwork()
    let form = try Self.form(of: network)
    let one = try Self.fitted([form], to: network)
    #expect(try Self.fitted([form], to: network, threads: 2) == one)
    #expect(try Self.fitted([form], to: network, chunk: 32) == one)
    let paired = try Self.fitted([form], to: network, pairRounds: 3)
    #expect(try Self.fitted([form], to: network, pairRounds: 3, threads: 2) == paired)
  }

  @Test("fitted together, each gets what it gets alone", arguments: [0, 3], [1, 2])
  func together(pairRounds: Int, threads: Int) throws {
    let network = try SmallSweep.residualNetwork()
    let selections = [
      Self.selected, ["block1.inner.conv": [0, 4]], [:], ["block0.inner.conv": [1]],
    ]
    let forms = try selections.map { try Self.form(of: network, $0) }
    let together = try Self.fitted(
      forms, to: network, pairRounds: pairRounds, threads: threads)
    for (form, fitted) in zip(forms, together) {
      #expect(try Self.fitted([form], to: network, pairRounds: pairRounds) == [fitted])
    }
    #expect(Set(together.map(\.network)).count == forms.count)
  }

  @Test("a form that needs only a share of the chunks gets what it would get from those alone")
  func share() throws {
    let network = try SmallSweep.residualNetwork()
    let whole = try Self.form(of: network)
    var part = whole
    part.share = 0.5
    // Sixteen chunks of six images: the first eight, 48 images.
    let together = try Self.fitted([whole, part], to: network, pairRounds: 3, chunk: 6)
    let alone = try Self.fitted([whole], to: network, pairRounds: 3, chunk: 6, images: 48)
    #expect(together[1] == alone[0] && together[0] != alone[0])
    // Four chunks are the least.
    part.share = 0.1
    #expect(
      try Self.fitted([part], to: network, chunk: 24)
        == Self.fitted([whole], to: network, chunk: 24))
  }

  @Test("where nothing is removed nothing is fitted")
  func nothingRemoved() throws {
    let network = try SmallSweep.residualNetwork()
    let form = PrunedForm(pruned: network, prior: network, kept: [:])
    #expect(try Self.fitted([form], to: network) == [.init(network: network)])
  }

  @Test("a fit that is not finite leaves the weights of the single pass, and names the layer")
  func unfitted() throws {
    let network = try SmallSweep.residualNetwork()
    let form = try Self.form(of: network)
    let fitted = try Self.fitted([form], to: network, damping: .infinity)[0]
    #expect(fitted.network == form.prior)
    #expect(fitted.unfitted.contains("block0.outer.conv"), "\(fitted.unfitted)")
  }

  @Test("a sweep with fewer positions than columns says so, for the layer with the fewest")
  func scarcity() throws {
    #expect(try SmallSweep().pipeline().remarks.isEmpty)
    // The classifier reads 12 channels at one position an image.
    let remarks = try SmallSweep(images: (8, 16)).pipeline().remarks
    #expect(remarks.count == 1 && remarks[0].contains("\"fc\""), "\(remarks)")
    #expect(remarks[0].contains("12 input columns and 8 calibration images give it 8 positions"))
  }

  @Test("what the network makes of a layer's output is its clamp, scaled")
  func surroundings() throws {
    var network = try SmallSweep.residualNetwork()
    // A BatchNorm may turn a channel round.
    for (index, value) in network.values.enumerated() where value.name.hasSuffix("norm.scale") {
      network[ValueID(index)].constant?.elements[1] *= -1
    }
    let consumers = network.consumers()
    let images = SmallSweep.images(4, seed: 9).tensors[0]
    var seen = 0
    for index in network.nodes.indices {
      guard let layer = ConsumerLayer(index, in: network, consumers: consumers) else { continue }
      let output = LayerOutput(
        of: layer, in: network, consumers: consumers,
        known: Set(network.liveValues(before: index)))
      guard let clamp = output.clamp else { continue }
      seen += 1
      var last = network.nodes[index].output
      while let reader = consumers[last.index].first {
        last = network.nodes[reader].output
        if case .activation = network.nodes[reader].operation { break }
      }
      let taps = [network.nodes[index].output, last] + (output.shortcut.map { [$0] } ?? [])
      let values = try ReferenceBackend().plan(
        network, options: ExecutionOptions(batch: 4, taps: taps)
      ).run(images).values
      let (y, z) = (try #require(values[taps[0]]), try #require(values[taps[1]]))
      let inner = y.count / (4 * layer.geometry.outputs)
      let expected = y.elements.indices.map { place -> Float in
        let channel = place / inner % layer.geometry.outputs
        let factor = output.factors[channel]
        let added = output.shortcut.flatMap { values[$0] }.map { $0.elements[place] * factor } ?? 0
        let q = y.elements[place] + clamp.shift[channel] + added
        return min(max(q, clamp.lower[channel]), clamp.upper[channel]) / factor
      }
      expectClose(z.elements, expected, tolerance: 1e-4)
    }
    #expect(seen == 5, "all convolutions but those whose shortcut comes later have one")
  }
}
