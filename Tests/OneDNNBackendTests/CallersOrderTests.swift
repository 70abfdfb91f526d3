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
  private static let orders: [ChannelOrder] = [
    .first, .last(), .last(from: 8), .blocks(8), .blocks(16),
  ]

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

  @Test("values of three and of five axes, too, and fewer images than a plan is made for")
  func ranks() throws {
    for spatial in [[9], [3, 4, 5]] {
      var builder = NetworkBuilder("rank", input: [16] + spatial)
      let ones = spatial.map { _ in 1 }
      let weight = builder.constant("weight", [32, 16] + ones)
      let a = try builder.apply(
        .convolution(Convolution(kernel: ones)), to: [builder.input, weight], name: "a")
      let relu = try builder.relu(a, name: "relu")
      let sum = try builder.add(relu, a, name: "sum")
      try check(builder.finished(sum))
    }
  }

  @Test("in the order that a backend likes best, convolutions copy nothing")
  func preference() throws {
    #expect(ReferenceBackend().channelOrder == .first)
    var builder = NetworkBuilder("order", input: [64, 8, 8])
    let a = try builder.convolution(builder.input, outputs: 64, name: "a")
    let b = try builder.convolution(a, outputs: 64, name: "b")
    let network = builder.finished(b)
    func copies(_ order: ChannelOrder) throws -> Bool {
      try OneDNNBackend().explain(
        network, options: ExecutionOptions(batch: 2, taps: [a], channelOrder: order)
      ).contains { $0.computedBy.contains("reorder") }
    }
    #expect(try copies(.first))
    #expect(try !copies(OneDNNBackend().channelOrder))
  }

  @Test("blocks that there are no kernels for are refused")
  func refusal() throws {
    var builder = NetworkBuilder("blocks", input: [16, 4, 4])
    let a = try builder.convolution(builder.input, outputs: 16, name: "a")
    let network = builder.finished(a)
    #expect(throws: ExecutionError.self) {
      try OneDNNBackend().plan(
        network, options: ExecutionOptions(batch: 2, channelOrder: .blocks(4)))
    }
  }

  private func check(_ network: Network) throws {
    var generator = SeededGenerator(seed: 4)
    let taps = network.inputs + network.nodes.map(\.output)
    let counts = [3, 3, 2]
    let batches = counts.map { images in
      network.inputs.map {
        Tensor.random(network[$0].shape.resolved(batch: images), using: &generator)
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
        for (images, (values, expected)) in zip(counts, zip(results, expected)) {
          #expect(Set(values.keys) == Set(taps))
          for tap in taps {
            let (value, expected) = (try #require(values[tap]), try #require(expected[tap]))
            let shape = network[tap].shape
            #expect(value.shape == order.extents(of: shape, images: images))
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
