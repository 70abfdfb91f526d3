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
}
