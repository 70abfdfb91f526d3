import Execution
import NetworkGraph
import Tensors
import TestSupport
import Testing

@Suite("Reference operators on examples worked by hand", .tags(.pure))
struct ReferenceOperatorsTests {
  private let square = Tensor(shape: [1, 1, 3, 3], elements: [1, 2, 3, 4, 5, 6, 7, 8, 9])

  @Test("a convolution pads, strides and adds its bias")
  func convolution() {
    let operation = Convolution(kernel: [2, 2], strides: [2, 2], padsBefore: [1, 1])
    let y = ReferenceOperators.convolution(
      operation, square, weight: Tensor(shape: [1, 1, 2, 2], elements: [1, 10, 100, 1000]),
      bias: Tensor(shape: [1], elements: [0.5]))
    #expect(y == Tensor(shape: [1, 1, 2, 2], elements: [1000.5, 3200.5, 7040.5, 9865.5]))
  }

  @Test("a depthwise convolution keeps channels apart")
  func depthwise() {
    let x = Tensor(shape: [1, 2, 1, 2], elements: [1, 2, 3, 4])
    let y = ReferenceOperators.convolution(
      Convolution(kernel: [1, 2], groups: 2), x,
      weight: Tensor(shape: [2, 1, 1, 2], elements: [1, 1, 1, -1]), bias: nil)
    #expect(y == Tensor(shape: [1, 2, 1, 1], elements: [3, -1]))
  }

  @Test("an average counts padding only where it is told to")
  func average() {
    var operation = Pooling(
      kind: .average(countsPadding: false), kernel: [2, 2], strides: [2, 2], padsBefore: [1, 1])
    #expect(ReferenceOperators.pooling(operation, square).elements == [1, 2.5, 5.5, 7])
    operation.kind = .average(countsPadding: true)
    #expect(ReferenceOperators.pooling(operation, square).elements == [0.25, 1.25, 2.75, 7])
  }

  @Test("rounding up adds a last, partial window")
  func roundsUp() {
    let operation = Pooling(kind: .maximum, kernel: [2, 2], strides: [2, 2], roundsUp: true)
    #expect(ReferenceOperators.pooling(operation, square).elements == [5, 6, 8, 9])
  }

  @Test("statistics of a batch are its mean and biased variance")
  func statistics() {
    let x = Tensor(shape: [2, 2, 1, 1], elements: [1, 10, 3, 10])
    let statistics = ReferenceOperators.channelStatistics(x)
    #expect(statistics == .init(mean: [2, 10], variance: [1, 0]))
  }

  @Test("a softmax of large values does not overflow")
  func softmax() {
    let y = ReferenceOperators.softmax(
      Softmax(axis: 1), Tensor(shape: [1, 2], elements: [1000, 1000]))
    #expect(y.elements == [0.5, 0.5])
  }

  @Test("slices and pads move elements where they say")
  func movement() {
    let sliced = ReferenceOperators.slice(
      Slice(ranges: [.init(axis: 2, start: 0, end: 3, step: 2), .init(axis: 3, start: 1, end: 2)]),
      square)
    #expect(sliced == Tensor(shape: [1, 1, 2, 1], elements: [2, 8]))
    let padded = ReferenceOperators.pad(
      Pad(before: [0, 1, 0, 0], after: [0, 0, 0, 1], mode: .constant(7)), sliced)
    #expect(padded == Tensor(shape: [1, 2, 2, 2], elements: [7, 7, 7, 7, 2, 7, 8, 7]))
  }

  @Test("a sum repeats extents of 1")
  func broadcast() {
    let a = Tensor(shape: [1, 2, 1], elements: [1, 2])
    let b = Tensor(shape: [2], elements: [10, 20])
    #expect(
      ReferenceOperators.elementwise(.add, a, b)
        == Tensor(shape: [1, 2, 2], elements: [11, 21, 12, 22]))
  }

  @Test("the lesser and the greater of a number and NaN are NaN, and so are functions of NaN")
  func notANumber() throws {
    let (one, nan) = (Tensor(shape: [1], elements: [1]), Tensor(shape: [1], elements: [.nan]))
    for operation in [Elementwise.minimum, .maximum] {
      #expect(ReferenceOperators.elementwise(operation, one, nan).elements[0].isNaN)
      #expect(ReferenceOperators.elementwise(operation, nan, one).elements[0].isNaN)
    }
    for function in [Activation.relu, .clip(0, 6), .hardSigmoid(alpha: 1, beta: 0), .hardSwish] {
      #expect(ReferenceOperators.activation(function, nan).elements[0].isNaN)
    }
    let line = Tensor(shape: [1, 1, 3], elements: [1, .nan, 2])
    let pooled = ReferenceOperators.pooling(Pooling(kind: .maximum, kernel: nil), line)
    #expect(pooled.elements[0].isNaN)
    let reduced = ReferenceOperators.reduction(
      Reduction(.maximum, axes: [2], keepsAxes: true), line)
    #expect(reduced.elements[0].isNaN)
  }

  @Test("a clip whose bounds cross gives the upper one")
  func crossedBounds() {
    let x = Tensor(shape: [2], elements: [-1, 9])
    #expect(ReferenceOperators.activation(.clip(3, 2), x).elements == [2, 2])
  }

  @Test("a cast rounds towards zero; to truth, everything but zero is 1")
  func casts() {
    let x = Tensor(shape: [4], elements: [-1.75, 0, 0.5, 2])
    #expect(ReferenceOperators.cast(Cast(type: .int64), x).elements == [-1, 0, 0, 2])
    #expect(ReferenceOperators.cast(Cast(type: .bool), x).elements == [1, 0, 1, 1])
    #expect(ReferenceOperators.cast(Cast(type: .float32), x) == x)
  }

  @Test(
    "statistics of a masked normalisation are those of the channels that count",
    arguments: [Normalization(.layer(axis: 1)), Normalization(.group(2)), Normalization(.group(1))])
  func counted(normalization: Normalization) {
    var generator = SeededGenerator(seed: 4)
    let x = Tensor(
      shape: [2, 6, 2], elements: (0..<24).map { _ in .random(in: -1...1, using: &generator) })
    let (scale, shift) = (
      Tensor(shape: [6, 1], elements: [1, 2, 3, 4, 5, 6]), Tensor(shape: [6, 1], repeating: 0.5)
    )
    let isLayer = normalization.name == "LayerNormalization"
    func compute(_ operation: Normalization, channels: [Int]) -> Tensor {
      func parameter(_ tensor: Tensor) -> Tensor {
        let kept = tensor.gathering(channels, axis: 0)
        return isLayer ? kept : kept.reshaped([kept.count])
      }
      return ReferenceOperators.normalization(
        operation, x.gathering(channels, axis: 1), scale: parameter(scale), shift: parameter(shift))
    }
    // Two channels of each half remain.
    let kept = [0, 2, 4, 5]
    var masked = normalization
    masked.counted = [1: kept]
    let whole = compute(masked, channels: Array(0..<6))
    #expect(whole.gathering(kept, axis: 1) == compute(normalization, channels: kept))
    #expect(whole != compute(normalization, channels: Array(0..<6)))
  }

  @Test("a group of which no channel counts gives finite values")
  func uncountedGroup() {
    var operation = Normalization(.group(2))
    operation.counted = [1: [0]]
    let x = Tensor(shape: [1, 2, 2], elements: [1, 3, 0, 0])
    let y = ReferenceOperators.normalization(operation, x, scale: nil, shift: nil)
    expectClose(y.elements, [-1, 1, 0, 0], tolerance: 1e-5)
  }

  @Test("targets take the batch wherever it stands")
  func batchAxis() throws {
    var network = Network(name: "batch")
    let x = network.addActivation("x", shape: Shape([.fixed(3), .batch, .fixed(4)]))
    let y = network.addActivation("y")
    let z = network.addActivation("z")
    network.nodes = [
      Node(
        name: "reshape",
        operation: .reshape(
          Reshape(target: Shape([.fixed(3), .batch, .fixed(2), .fixed(2)]))), inputs: [x], output: y
      ),
      Node(
        name: "transpose", operation: .transpose(Transpose(permutation: [1, 0, 3, 2])),
        inputs: [y], output: z),
    ]
    (network.inputs, network.outputs) = ([x], [z])
    try network.inferShapes()
    let plan = try ReferenceBackend().plan(network, options: .init(batch: 2))
    let elements = (0..<24).map { Float($0) }
    let result = try plan.run(Tensor(shape: [3, 2, 4], elements: elements))
    #expect(result.values[z]?.shape == [2, 3, 2, 2])
    #expect(result.values[z]?.elements.prefix(4) == [0, 2, 1, 3])
  }
}
