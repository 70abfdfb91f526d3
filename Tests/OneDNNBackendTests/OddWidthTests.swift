import Execution
import NetworkGraph
import NetworkTestSupport
import OneDNNBackend
import Tensors
import TestSupport
import Testing

/// Widths that fill no block of channels. The library takes other kernels and layouts on other
/// machines: run under `DNNL_MAX_CPU_ISA=AVX2` and `SSE41` too, as `scripts/test` does.
@Suite(.tags(.backend)) struct OddWidthTests {
  @Test("odd widths agree with the reference", arguments: [1, 3, 5, 8, 9, 13, 16, 17, 24, 31])
  func oddWidths(width: Int) throws {
    try check(try sums(width: width), "sums")
    try check(try residualNetwork(width: width), "residual")
  }

  /// Sums of convolutions that are read again, with rectifiers after them: nothing that a
  /// convolution could take in.
  private func sums(width: Int) throws -> Network {
    var builder = NetworkBuilder("sums", input: [3, 6, 7])
    let a = try builder.convolution(builder.input, outputs: width, name: "a")
    let b = try builder.convolution(builder.input, outputs: width, name: "b")
    let sum = try builder.relu(try builder.add(a, b, name: "sum"), name: "sum.relu")
    let product = try builder.apply(.elementwise(.multiply), to: [a, sum], name: "product")
    let clipped = try builder.apply(.activation(.clip(0, 6)), to: [product], name: "clip")
    let difference = try builder.apply(
      .elementwise(.subtract), to: [clipped, b], name: "difference")
    let gated = try builder.apply(.activation(.sigmoid), to: [difference], name: "sigmoid")
    let last = try builder.convolution(gated, outputs: width, name: "last")
    return builder.finished(last)
  }

  /// Compares both backends, with stored statistics and with those of the batch.
  private func check(_ network: Network, _ name: String) throws {
    var generator = SeededGenerator(seed: 11)
    let x = network.inputs.map {
      Tensor.random(network[$0].shape.resolved(batch: 3), using: &generator)
    }
    for mode in [ExecutionOptions.BatchNormalizationMode.inference, .batchStatistics] {
      let options = ExecutionOptions(batch: 3, batchNormalization: mode)
      let fast = try OneDNNBackend().plan(network, options: options).run(x)
      let slow = try ReferenceBackend().plan(network, options: options).run(x)
      for (id, expected) in slow.values {
        let actual = fast.values[id]?.elements ?? []
        #expect(actual.count == expected.count, "\(name)")
        let scale = expected.elements.reduce(Float(1)) { max($0, abs($1)) }
        let error = zip(actual, expected.elements).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
        #expect(error <= 1e-4 * scale, "\(name), \(network[id].name)")
      }
    }
  }
}
