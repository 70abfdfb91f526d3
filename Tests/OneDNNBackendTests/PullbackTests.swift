import Execution
import NetworkGraph
import NetworkTestSupport
import OneDNNBackend
import Tensors
import TestSupport
import Testing

@Suite("What changes at the outputs are at earlier values", .tags(.pure))
struct PullbackTests {
  /// Makes what follows an input of 3 channels of 9 × 9.
  typealias Body = @Sendable (inout NetworkBuilder, ValueID) throws -> ValueID

  static let bodies: [(name: String, body: Body)] = [
    (
      "a residual block with a strided convolution that reaches less than all",
      { net, x in
        let a = try net.convolution(x, outputs: 4, stride: 2, name: "a")
        let b = try net.relu(net.batchNormalization(a, name: "b"), name: "c")
        return try net.add(b, net.convolution(b, outputs: 4, name: "d"), name: "e")
      }
    ),
    (
      "a depthwise convolution and ReLU6",
      { net, x in
        let a = try net.convolution(x, outputs: 3, groups: 3, name: "a")
        return try net.activation(.clip(0, 0.5), a, name: "b")
      }
    ),
    (
      "a shortcut of every second pixel, with channels of zeros",
      { net, x in
        let ranges = [2, 3].map { Slice.Range(axis: $0, start: 0, end: 9, step: 2) }
        let a = try net.apply(.slice(Slice(ranges: ranges)), to: [x], name: "a")
        return try net.apply(
          .pad(Pad(before: [0, 1, 0, 0], after: [0, 2, 0, 0])), to: [a], name: "b")
      }
    ),
    (
      "parts joined and multiplied",
      { net, x in
        let a = try net.slice(x, 1..<3, name: "a")
        let b = try net.concat(a, x, name: "b")
        return try net.multiply(b, net.convolution(b, outputs: 5, name: "c"), name: "d")
      }
    ),
    (
      "averages over windows",
      { net, x in
        try net.apply(
          .pooling(
            Pooling(kind: .average(countsPadding: false), kernel: [2, 3], strides: [2, 3])),
          to: [x], name: "a")
      }
    ),
    (
      "a pooled classifier",
      { net, x in
        try net.gemm(net.flatten(net.globalAverage(x)), outputs: 4, name: "a")
      }
    ),
    (
      "means over an axis, and a classifier of flattened maps",
      { net, x in
        let a = try net.apply(
          .reduction(Reduction(.mean, axes: [3], keepsAxes: false)), to: [x], name: "a")
        return try net.gemm(net.flatten(a), outputs: 4, transposesWeight: false, name: "b")
      }
    ),
    (
      "channels last, through a matrix",
      { net, x in
        let a = try net.transpose(net.reshape(x, [3, 81], name: "a"), [0, 2, 1], name: "b")
        return try net.linear(a, outputs: 5, name: "c")
      }
    ),
  ]

  @Test(
    "they are the derivative's transpose on every backend", arguments: bodies.indices.map { $0 })
  func isTranspose(index: Int) throws {
    var net = NetworkBuilder("net", input: [3, 9, 9])
    let end = try Self.bodies[index].body(&net, net.input)
    let finished = net.finished(end)
    let pullback = try Pullback(of: finished, to: [net.input])
    let gradient = try #require(pullback.gradients[net.input])

    var generator = SeededGenerator(seed: UInt64(index + 1))
    func random(_ shape: [Int]) -> Tensor {
      Tensor(
        shape: shape,
        elements: (0..<shape.reduce(1, *)).map { _ in .random(in: -1...1, using: &generator) })
    }
    let (x, direction) = (random([2, 3, 9, 9]), random([2, 3, 9, 9]))
    let reference = try ReferenceBackend().plan(finished, options: ExecutionOptions(batch: 2))
    // Small enough to meet next to no kink, large enough for single precision.
    let reach: Float = 1.0 / 256
    func output(_ length: Float) throws -> Tensor {
      var moved = x
      for place in moved.elements.indices {
        moved.elements[place] += length * direction.elements[place]
      }
      return try #require(try reference.run(moved).values[finished.outputs[0]])
    }
    let (after, before) = (try output(reach), try output(-reach))
    let change = random(after.shape)
    let expected = change.elements.indices.reduce(0.0) {
      $0 + Double(change.elements[$1])
        * Double(after.elements[$1] - before.elements[$1]) / Double(2 * reach)
    }
    let taps = try ReferenceBackend().plan(
      finished, options: ExecutionOptions(batch: 2, taps: pullback.activations.keys.sorted())
    ).run(x).values
    let inputs =
      [change]
      + pullback.network.inputs.dropFirst().compactMap { input in
        pullback.activations.first { $0.value == input }.flatMap {
          $0.key == net.input ? x : taps[$0.key]
        }
      }
    for backend in [ReferenceBackend(), OneDNNBackend()] as [any Backend] {
      let plan = try backend.plan(pullback.network, options: ExecutionOptions(batch: 2))
      let back = try #require(try plan.run(inputs).values[gradient])
      let found = zip(back.elements, direction.elements).reduce(0.0) {
        $0 + Double($1.0) * Double($1.1)
      }
      #expect(abs(found - expected) < 2e-3 * (1 + abs(expected)), "\(backend.identity.name)")
    }
  }

  @Test("both sides of an addition have the gradient of the sum")
  func sides() throws {
    var net = NetworkBuilder("net", input: [3, 4, 4])
    let a = try net.convolution(net.input, outputs: 4, name: "a")
    let b = try net.convolution(net.input, outputs: 4, name: "b")
    let end = try net.relu(net.add(a, b, name: "sum"), name: "end")
    let pullback = try Pullback(of: net.finished(end), to: [a, b])
    #expect(pullback.gradients[a] != nil && pullback.gradients[a] == pullback.gradients[b])
    #expect(pullback.network.outputs.count == 1)
  }

  @Test("what lies behind an operator without a derivative here is left out, the rest is not")
  func missing() throws {
    var net = NetworkBuilder("net", input: [3, 4, 4])
    let early = try net.convolution(net.input, outputs: 4, name: "early")
    let maximum = try net.apply(
      .pooling(Pooling(kind: .maximum, kernel: [2, 2])), to: [early], name: "maximum")
    let late = try net.convolution(maximum, outputs: 4, name: "late")
    let unread = try net.convolution(early, outputs: 4, name: "unread")
    let pullback = try Pullback(of: net.finished(late), to: [early, maximum, late, unread])
    #expect(Set(pullback.gradients.keys) == [maximum, late])
  }
}
