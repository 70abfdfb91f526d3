import Datasets
import Digests
import Execution
import NetworkGraph
import Parallelism
import Surgery
import Tensors

/// A dense network halted before a node, for the samples of some shards.
///
/// Where one group alone loses channels, nothing changes before the first node that touches it.
/// So groups are looked at in their order, and the dense network is computed up to each of them
/// once for all.
struct HaltedModel: Sendable {
  private(set) var position = 0
  /// By shard and micro-batch.
  private(set) var frontiers: [[Frontier]]

  init(_ network: Network, shards: [DataShard], microBatch: Int) {
    frontiers = shards.map { shard in
      MicroBatches(images: shard.count, size: microBatch).ranges.map {
        Frontier(network, inputs: shard.tensors($0))
      }
    }
  }

  /// In bytes.
  var size: Int {
    frontiers.joined().reduce(0) { $1.values.values.reduce($0) { $0 + 4 * $1.count } }
  }

  /// Computes the nodes before another one.
  mutating func advance(
    to next: Int, of network: Network, with runner: NetworkRunner, microBatch: Int
  ) throws {
    let stretch = Stretch(
      of: network, position..<next, on: runner.backend, microBatch: microBatch)
    for shard in frontiers.indices {
      frontiers[shard] = try frontiers[shard].advanced(along: stretch, with: runner)
    }
    position = next
  }
}

/// Where a dense network is halted for its groups.
struct GroupHalts: Sendable {
  /// Nodes, in their order. All of them are stopped at on the way to a later one, so that nothing
  /// depends on which groups were looked at before.
  let positions: [Int]
  /// By group: the first node that touches it.
  private let first: [Int?]

  /// - Parameter bytes: How much all samples may leave where the network is halted.
  init(_ network: Network, groups: [ChannelGroup], samples: Int, bytes: Int) {
    var touching: [ValueID: Int] = [:]
    for (index, node) in network.nodes.enumerated().reversed() {
      for value in node.inputs.compactMap(\.self) + [node.output] { touching[value] = index }
    }
    first = groups.map { group in
      group.isPrunable ? group.members.compactMap { touching[$0.axis.value] }.min() : nil
    }
    // An output that is there already is not among what the rest computes.
    let outputs = network.outputs.compactMap { output in
      network.nodes.firstIndex { $0.output == output }
    }
    let last = network.canBeHalted ? outputs.min() ?? 0 : 0
    positions = Set(first.compactMap(\.self)).sorted().filter { position in
      position > 0 && position <= last
        && samples * network.liveBytes(before: position) <= bytes
    }
  }

  /// The last halt before everything that a selection changes; nil where there is none.
  func position(before selection: ChannelSelection) -> Int? {
    guard let touched = selection.kept.keys.compactMap({ first[$0] }).min() else { return nil }
    return positions.last { $0 <= touched }
  }
}

extension NetworkRunner {
  /// The outputs of what is left of a network, `[n, …]` each, from where it is halted for a shard.
  func outputs(of rest: Segment, on frontiers: [Frontier]) throws -> [Tensor] {
    let outputs = rest.network.outputs
    let parts = try map(count: frontiers.count) {
      try rest.values(outputs, on: frontiers[$0].values)
    }
    let values = outputs.indices.map { output in Tensor(joining: parts.map { $0[output] }) }
    progress.add(images: values.first?.shape[0] ?? 0)
    return values
  }
}

extension Workbench {
  /// What a dense network leaves where it is halted, at most, in bytes: a constant, for what a job
  /// gives must not depend on the memory of its worker.
  private static let haltedBytes = 1 << 28

  /// The model halted before everything that a selection changes; nil where it cannot be.
  func halted(
    _ model: PreparedModel, before selection: ChannelSelection, shards digests: [Digest],
    microBatch: Int
  ) async throws -> HaltedModel? {
    let shards = try await shards(digests)
    let samples = shards.reduce(0) { $0 + $1.count }
    let halts = try await cache.value(for: "halts/\(model.digest)/\(samples)") {
      let halts = GroupHalts(
        model.network, groups: model.groups, samples: samples, bytes: Self.haltedBytes)
      return (halts, 8 * (halts.positions.count + model.groups.count))
    }
    guard let position = halts.position(before: selection) else { return nil }
    let key =
      "halted/\(model.digest)/\(Digest(parts: digests.map { "\($0)" }))/\(microBatch)"
    let known: HaltedModel? = cache.known(key)
    let halted = try await compute {
      var halted =
        known.flatMap { $0.position <= position ? $0 : nil }
        ?? HaltedModel(model.network, shards: shards, microBatch: microBatch)
      for next in halts.positions where halted.position < next && next <= position {
        try halted.advance(
          to: next, of: model.network, with: self.runner, microBatch: microBatch)
      }
      return halted
    }
    // A worker of little memory begins anew each time.
    if halted.size <= cache.limit / 2 { cache.remember(halted, bytes: halted.size, for: key) }
    return halted
  }
}
