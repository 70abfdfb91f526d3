import Execution
import NetworkGraph
import OneDNNBackend
import Tensors
import TestSupport
import Testing

@Suite(.tags(.backend)) struct OneDNNBackendTests {
  /// Single precision: squares of a few rounding errors of 6e-8, against sums in `Double`.
  static let tolerance = 1e-11

  /// ‖a − b‖² / ‖b‖².
  private func error(_ a: Tensor?, _ b: Tensor?) throws -> Double {
    let (a, b) = (try #require(a), try #require(b))
    guard a.shape == b.shape else { return .infinity }
    let difference = zip(a.elements, b.elements).reduce(0.0) {
      $0 + pow2(Double($1.0) - Double($1.1))
    }
    return difference / max(b.elements.reduce(0.0) { $0 + pow2(Double($1)) }, 1e-30)
  }

  private func pow2(_ x: Double) -> Double { x * x }

  private func images(
    _ network: Network, count: Int, in range: ClosedRange<Float> = -1...1
  ) -> [Tensor] {
    var generator = SeededGenerator(seed: 11)
    return network.inputs.map {
      .random(network[$0].shape.resolved(batch: count), in: range, using: &generator)
    }
  }

  private func expectAgreement(
    _ network: Network, taps: [ValueID] = [], in range: ClosedRange<Float> = -1...1,
    tolerance: Double = tolerance
  ) throws {
    let options = ExecutionOptions(batch: 3, taps: taps)
    let plan = try OneDNNBackend().plan(network, options: options)
    for count in [3, 1] {
      let x = images(network, count: count, in: range)
      let fast = try plan.run(x)
      let slow = try ReferenceBackend().plan(network, options: options).run(x)
      #expect(fast.values.count == slow.values.count)
      for (id, value) in slow.values {
        let error = try error(fast.values[id], value)
        #expect(error <= tolerance, "\(network.name), \(network[id].name), \(count) images")
      }
    }
  }

  @Test("every operator agrees with the reference", arguments: OperatorCase.all)
  func operators(_ example: OperatorCase) throws {
    try expectAgreement(try example.network(), in: example.isPositive ? 0.1...1 : -1...1)
  }

  @Test("every operator agrees with the reference in the layout that a convolution leaves")
  func operatorsAfterConvolutions() throws {
    for example in OperatorCase.all where example.input.count > 1 && !example.constantsAreFirst {
      try expectAgreement(
        try example.network(followsConvolution: true), in: example.isPositive ? 0.1...1 : -1...1,
        tolerance: 100 * Self.tolerance)
    }
  }

  @Test("random networks agree with the reference, fused and tapped", arguments: 0..<120)
  func randomNetworks(seed: UInt64) throws {
    let network = try randomNetwork(seed: seed)
    try expectAgreement(network, tolerance: 100 * Self.tolerance)
    let taps = network.nodes.indices.filter { ($0 + Int(seed)) % 3 == 0 }
    try expectAgreement(
      network, taps: taps.map { network.nodes[$0].output }, tolerance: 100 * Self.tolerance)
  }

  @Test("fused, tapped and reference networks agree on every value", arguments: [9, 16])
  func fusion(width: Int) throws {
    let network = try residualNetwork(width: width)
    let x = images(network, count: 2)
    let tapped = ExecutionOptions(batch: 2, taps: network.inputs + network.nodes.map(\.output))
    let slow = try ReferenceBackend().plan(network, options: tapped).run(x)
    let fast = try OneDNNBackend().plan(network, options: tapped).run(x)
    #expect(fast.values.count == network.nodes.count + 1)
    for (id, value) in slow.values {
      #expect(try error(fast.values[id], value) <= Self.tolerance, "\(network[id].name)")
      // Alone, so that everything around it is fused.
      let alone = ExecutionOptions(batch: 2, taps: [id])
      let result = try OneDNNBackend().plan(network, options: alone).run(x)
      #expect(try error(result.values[id], value) <= Self.tolerance, "\(network[id].name)")
    }
  }

  @Test("statistics of a batch agree with the reference", arguments: [9, 16])
  func statistics(width: Int) throws {
    let network = try residualNetwork(width: width)
    let x = images(network, count: 4)
    let options = ExecutionOptions(batch: 4, batchNormalization: .batchStatistics)
    let fast = try OneDNNBackend().plan(network, options: options).run(x)
    let slow = try ReferenceBackend().plan(network, options: options).run(x)
    let output = network.outputs[0]
    #expect(try error(fast.values[output], slow.values[output]) <= 10 * Self.tolerance)
    #expect(fast.statistics.keys.sorted() == slow.statistics.keys.sorted())
    for (node, expected) in slow.statistics {
      let actual = try #require(fast.statistics[node])
      expectClose(actual.mean, expected.mean, tolerance: 1e-5)
      expectClose(actual.variance, expected.variance, tolerance: 1e-5)
    }
  }

  @Test("an image's result does not depend on how many are run with it")
  func raggedBatches() throws {
    let network = try residualNetwork(width: 16)
    let x = images(network, count: 5)[0]
    let plan = try OneDNNBackend().plan(network, options: .init(batch: 5))
    let all = try #require(try plan.run(x).values[network.outputs[0]])
    for count in [5, 1, 3, 1] {
      let some = Tensor(
        shape: [count] + x.shape[1...], elements: Array(x.elements[..<(x.count / 5 * count)]))
      let part = try #require(try plan.run(some).values[network.outputs[0]])
      let expected = Tensor(shape: part.shape, elements: Array(all.elements[..<part.count]))
      #expect(try error(part, expected) <= Self.tolerance)
      #expect(try plan.run(some).values[network.outputs[0]] == part)
    }
  }

  @Test("the identity names the library's version and instruction set")
  func identity() {
    let identity = OneDNNBackend().identity
    #expect(identity.name == "onednn")
    #expect(identity.version.split(separator: ".").count == 3)
    #expect(!identity.instructionSet.isEmpty)
  }
}
