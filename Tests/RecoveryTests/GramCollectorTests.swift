import Foundation
import LinearAlgebra
import NetworkGraph
import Recovery
import Tensors
import TestSupport
import Testing

@Suite("Input moments", .tags(.pure)) struct GramCollectorTests {
  struct Layer: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var convolution: Convolution
    var input: [Int]
  }

  static let layers = [
    Layer(
      testDescription: "3 × 3, padded",
      convolution: Convolution(kernel: [3, 3], padsBefore: [1, 1], padsAfter: [1, 1]),
      input: [2, 6, 5]),
    Layer(
      testDescription: "strided, pads differ",
      convolution: Convolution(
        kernel: [3, 2], strides: [2, 1], padsBefore: [0, 1], padsAfter: [1, 0]),
      input: [3, 7, 6]),
    Layer(
      testDescription: "dilated",
      convolution: Convolution(
        kernel: [3, 3], dilations: [2, 2], padsBefore: [2, 2], padsAfter: [2, 2]),
      input: [2, 9, 9]),
    Layer(
      testDescription: "pointwise, strided",
      convolution: Convolution(kernel: [1, 1], strides: [2, 2]),
      input: [4, 5, 5]),
    Layer(
      testDescription: "one dimension",
      convolution: Convolution(kernel: [3], padsBefore: [1], padsAfter: [1]), input: [2, 11]),
  ]

  private func images(_ count: Int, _ shape: [Int], seed: UInt64 = 1) -> Tensor {
    var generator = SeededGenerator(seed: seed)
    return Tensor(
      shape: [count] + shape,
      elements: (0..<count * shape.elementCount).map { _ in
        Float(Int.random(in: -3...4, using: &generator))
      })
  }

  /// Unfolds one position by definition.
  private func column(
    _ geometry: ConsumerGeometry, _ input: Tensor, image: Int, position: Int
  ) -> [Double] {
    let (oy, ox) = (position / geometry.outputWidth, position % geometry.outputWidth)
    var result: [Double] = []
    for channel in 0..<geometry.channels {
      for ky in 0..<geometry.kernel[0] {
        for kx in 0..<geometry.kernel[1] {
          let y = oy * geometry.strides[0] + ky * geometry.dilations[0] - geometry.padsBefore[0]
          let x = ox * geometry.strides[1] + kx * geometry.dilations[1] - geometry.padsBefore[1]
          let inside = (0..<geometry.height).contains(y) && (0..<geometry.width).contains(x)
          let place = (image * geometry.height + y) * geometry.width + x
          result.append(
            inside ? Double(input.elements[place * geometry.channels + channel]) : 0)
        }
      }
    }
    return result
  }

  @Test("moments are those of the unfolded input", arguments: layers, [7, 1000])
  func unfold(layer: Layer, positionsPerImage: Int) throws {
    let geometry = try ConsumerGeometry(
      convolution: layer.convolution, outputs: 3, input: layer.input)
    let input = images(30, layer.input)
    var collector = GramCollector(geometry: geometry, positionsPerImage: positionsPerImage)
    try collector.add(input: input)
    let gram = try collector.finish()
    var expected = Matrix(rows: geometry.columns, columns: geometry.columns)
    var (sums, count) = ([Double](repeating: 0, count: geometry.columns), 0)
    for image in 0..<30 {
      let first = image % collector.positionStride
      for position in stride(from: first, to: geometry.positions, by: collector.positionStride) {
        let u = column(geometry, input, image: image, position: position)
        expected.add(
          productOf: Matrix(rows: u.count, columns: 1, elements: u),
          and: Matrix(rows: 1, columns: u.count, elements: u))
        for (index, element) in u.enumerated() { sums[index] += element }
        count += 1
      }
    }
    #expect(gram.positions == count)
    // Products are single precision, over at most 1024 positions at a time.
    let scale = expected.elements.max() ?? 1
    expectClose(gram.sums, sums, tolerance: 1e-5 * scale)
    expectClose(
      gram.matrix(centred: false).elements, expected.elements, tolerance: 1e-5 * scale)
    #expect(positionsPerImage > 7 ? gram.positionStride == 1 : gram.positionStride > 1)
  }

  @Test("the result does not depend on how images are batched")
  func batching() throws {
    let geometry = try ConsumerGeometry(
      convolution: Convolution(kernel: [3, 3], padsBefore: [1, 1], padsAfter: [1, 1]), outputs: 4,
      input: [3, 16, 16])
    var input = images(40, [3, 16, 16])
    input.elements = input.elements.map { $0 * 0.37 + 0.11 }
    var whole = GramCollector(geometry: geometry)
    try whole.add(input: input)
    var parts = GramCollector(geometry: geometry)
    for range in [0..<7, 7..<8, 8..<40] {
      try parts.add(input: input.gathering(Array(range), axis: 0))
    }
    #expect(try whole.finish() == parts.finish())
  }

  @Test("shards add up, centring subtracts the mean, records are exact")
  func shards() throws {
    let geometry = ConsumerGeometry(fullyConnected: 6, outputs: 2)
    let shards = try [UInt64(1), 2].map { seed in
      var collector = GramCollector(geometry: geometry)
      try collector.add(input: images(20, [6], seed: seed))
      return try collector.finish()
    }
    var sum = InputGram(columns: 6)
    for shard in shards { try sum.add(try InputGram(decoding: shard.encoded())) }
    let x = Matrix(
      rows: 40, columns: 6,
      elements: images(20, [6], seed: 1).elements + images(20, [6], seed: 2).elements)
    var centred = x
    for row in 0..<40 { for j in 0..<6 { centred[row, j] -= sum.mean[j] } }
    #expect(sum.positions == 40)
    expectClose(
      sum.matrix(centred: false).elements, (x.transposed * x).elements, tolerance: 1e-4)
    expectClose(
      sum.matrix(centred: true).elements, (centred.transposed * centred).elements,
      tolerance: 1e-4)
    #expect(throws: RecoveryError.self) { try InputGram(decoding: sum.encoded().dropLast()) }
    #expect(throws: RecoveryError.self) { try sum.add(InputGram(columns: 5)) }
  }

  @Test("a constant on top of the input does not spoil its variation")
  func offset() throws {
    let input = images(500, [4])
    let grams = try [Float(0), 1000].map { offset in
      var collector = GramCollector(geometry: ConsumerGeometry(fullyConnected: 4, outputs: 1))
      try collector.add(
        input: Tensor(shape: input.shape, elements: input.elements.map { $0 + offset }))
      return try collector.finish().matrix(centred: true)
    }
    let scale = grams[0].elements.max() ?? 1
    expectClose(grams[1].elements, grams[0].elements, tolerance: 1e-5 * scale)
  }

  @Test("grouped convolutions, foreign shapes and NaN are refused")
  func refusals() throws {
    #expect(throws: RecoveryError.self) {
      try ConsumerGeometry(
        convolution: Convolution(kernel: [3, 3], groups: 2), outputs: 2, input: [2, 5, 5])
    }
    var collector = GramCollector(geometry: ConsumerGeometry(fullyConnected: 3, outputs: 2))
    #expect(throws: RecoveryError.self) { try collector.add(input: Tensor(shape: [2, 4])) }
    try collector.add(input: Tensor(shape: [2, 3], elements: [0, 1, .nan, 0, 0, 0]))
    let error = #expect(throws: RecoveryError.self) { try collector.finish() }
    #expect(error?.code == .nonFiniteActivations)
  }

  @Test("units own equal runs of columns")
  func units() throws {
    let geometry = try ConsumerGeometry(
      convolution: Convolution(kernel: [1, 2]), outputs: 1, input: [3, 1, 4])
    #expect(geometry.unitColumns(units: 3) == [[0, 1], [2, 3], [4, 5]])
    let flattened = ConsumerGeometry(fullyConnected: 8, outputs: 1)
    #expect(flattened.unitColumns(units: 2) == [[0, 1, 2, 3], [4, 5, 6, 7]])
  }
}
