import Execution
import NetworkGraph

/// A network up to its last tap, in parts that end where taps are known and everything can be
/// halted.
struct TapStretches: Sendable {
  /// Some consecutive nodes.
  struct Part: Sendable {
    var nodes: Range<Int>
    /// Taps among the values of these nodes, by their places.
    var taps: [Int]
    /// What is read behind the part.
    var live: [ValueID]
  }

  /// With no other nodes than those that a tap depends on.
  let network: Network
  let taps: [ValueID]
  let parts: [Part]

  /// - Throws: `ExecutionError` where a tap is no activation.
  init(of network: Network, taps: [ValueID]) throws {
    var needed = network
    needed.nodes = try ExecutionOptions(batch: 1, taps: taps, wantsOutputs: false)
      .executedNodes(of: network).map { network.nodes[$0] }
    var places: [ValueID: [Int]] = [:]
    for (place, tap) in taps.enumerated() { places[tap, default: []].append(place) }
    var parts: [Part] = []
    var (start, pending) = (0, [Int]())
    for (node, position) in zip(needed.nodes, 1...) {
      guard let known = places[node.output] else { continue }
      pending += known
      let live = needed.liveValues(before: position)
      guard live.allSatisfy({ needed[$0].shape.dimensions.first == .batch }) else { continue }
      parts.append(Part(nodes: start..<position, taps: pending, live: live))
      (start, pending) = (position, [])
    }
    (self.network, self.taps, self.parts) = (needed, taps, parts)
  }
}

extension TapStretches {
  /// The parts made ready to run, with values in the order that the backend likes best: but for
  /// rounding, products of features are the same in any.
  ///
  /// - Parameter microBatch: Images that go through together, at most.
  func stretches(on backend: any Backend, microBatch: Int) -> [Stretch] {
    parts.map { part in
      Stretch(
        of: network, part.nodes, taps: part.taps.map { taps[$0] }, on: backend,
        microBatch: microBatch, order: backend.channelOrder)
    }
  }
}
