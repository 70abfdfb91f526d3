import Execution
import NetworkGraph
import NetworkTestSupport
import OneDNNBackend
import Tensors
import TestSupport
import Testing

/// What is brought and returned in another order of channels. As other machines have other layouts,
/// `scripts/test` runs this for them, too.
@Suite(.tags(.backend)) struct CallersOrderTests {
  private static let orders: [ChannelOrder] = [.first, .last, .blocks(8), .blocks(16)]

  @Test("values are the same in any order, all of them looked at", arguments: [8, 13, 16, 24])
  func values(width: Int) throws {
    try check(try residualNetwork(width: width))
  }

  @Test("inputs may lie in any order, and be outputs, views and sums' addends", arguments: [8, 16])
  func inputs(width: Int) throws {
    var builder = NetworkBuilder("order", input: [width, 5, 6])
    let a = try builder.convolution(builder.input, outputs: 2 * width, name: "a")
    let sum = try builder.add(
      try builder.convolution(builder.input, outputs: 2 * width, name: "b"), a, name: "sum")
    let relu = try builder.relu(sum, name: "relu")
    let again = try builder.relu(builder.input, name: "again")
    let flat = try builder.flatten(relu)
    let linear = try builder.linear(flat, outputs: 7, name: "linear")
    try check(builder.finished(linear, again))
  }

  @Test("what a backend likes best is what its convolutions bring")
  func preference() throws {
    let order = OneDNNBackend().channelOrder
    let network = try residualNetwork(width: 32)
    let options = ExecutionOptions(batch: 2, channelOrder: order)
    #expect(ReferenceBackend().channelOrder == .first)
    #expect(order != .first, "vectors of channels")
    _ = try OneDNNBackend().plan(network, options: options)
  }

  private func check(_ network: Network) throws {
    var generator = SeededGenerator(seed: 4)
    let taps = network.inputs + network.nodes.map(\.output)
    let batches = (0..<2).map { _ in
      network.inputs.map {
        Tensor.random(network[$0].shape.resolved(batch: 3), using: &generator)
      }
    }
    let reference = try ReferenceBackend().plan(network, options: .init(batch: 3, taps: taps))
    let expected = try batches.map { try reference.run($0).values }
    for order in Self.orders {
      let options = ExecutionOptions(batch: 3, taps: taps, channelOrder: order)
      let backends: [any Backend] = [OneDNNBackend(), ReferenceBackend()]
      for backend in backends {
        let plan = try backend.plan(network, options: options)
        // All first, and then looked at: results are nobody else's memory.
        let results = try batches.map { inputs in
          try plan.run(
            zip(network.inputs, inputs).map { order.arranging($1, of: network[$0].shape) }
          ).values
        }
        for (values, expected) in zip(results, expected) {
          #expect(Set(values.keys) == Set(taps))
          for tap in taps {
            let (value, expected) = (try #require(values[tap]), try #require(expected[tap]))
            let shape = network[tap].shape
            #expect(value.shape == order.extents(of: shape, images: 3))
            let scale = expected.elements.reduce(Float(1)) { max($0, abs($1)) }
            expectClose(
              order.rowMajor(value, of: shape).elements, expected.elements,
              tolerance: 1e-4 * scale)
          }
        }
      }
    }
  }
}
