import LinearAlgebra
import NetworkGraph
import Tensors
import TestSupport
import Testing

@testable import Recovery

@Suite("Moments of maps that are looked at everywhere", .tags(.pure))
struct MapMomentsTests {
  struct Map: Sendable, CustomTestStringConvertible {
    var height: Int
    var width: Int
    var channels: Int
    var targets: Int
    var offset: Float = 0
    var testDescription: String {
      "\(height) × \(width), \(channels) channels, \(targets) targets, \(offset) on top"
    }
  }

  static let maps = [
    Map(height: 7, width: 5, channels: 3, targets: 2),
    Map(height: 8, width: 8, channels: 17, targets: 5),
    Map(height: 16, width: 16, channels: 2, targets: 1),
    Map(height: 3, width: 2, channels: 50, targets: 0),
    Map(height: 1, width: 6, channels: 2, targets: 1),
    Map(height: 6, width: 1, channels: 2, targets: 1),
    Map(height: 2, width: 2, channels: 1, targets: 1),
    Map(height: 1, width: 1, channels: 4, targets: 3),
    Map(height: 5, width: 5, channels: 4, targets: 2, offset: 1000),
  ]

  private func tensor(_ count: Int, _ map: Map, _ channels: Int, seed: UInt64) -> Tensor {
    var generator = SeededGenerator(seed: seed)
    let shape = [count, map.height, map.width, channels]
    return Tensor(
      shape: shape,
      elements: (0..<shape.elementCount).map { _ in
        map.offset + Float(Int.random(in: -3...4, using: &generator))
      })
  }

  private func take(
    _ chunks: some Sequence<(Tensor, Tensor)>, _ geometry: ConsumerGeometry, targets: Int,
    readsWindows: Bool, to moments: inout some BlockConsumer
  ) throws {
    var blocks = PositionBlocks(
      geometry: geometry, companions: targets > 0 ? [targets] : [], positionsPerImage: 256,
      readsWindows: readsWindows)
    for (input, map) in chunks {
      try blocks.add(input: input, maps: targets > 0 ? [ChannelMaps(map)] : [], to: &moments)
    }
    try blocks.flush(to: &moments)
  }

  @Test("are those of the unfolded windows, edges and all", arguments: maps)
  func windows(map: Map) throws {
    let geometry = try ConsumerGeometry(
      convolution: Convolution(kernel: [3, 3], padsBefore: [1, 1], padsAfter: [1, 1]),
      outputs: 1, input: [map.channels, map.height, map.width])
    // More than are multiplied together, and not a multiple of them.
    let chunks = [(37, UInt64(1)), (5, 2), (1, 3)].map { count, seed in
      (
        tensor(count, map, map.channels, seed: seed),
        tensor(count, map, max(map.targets, 1), seed: seed + 10)
      )
    }
    var whole = LayerMoments(geometry, targets: map.targets, positionStride: 1)
    #expect(!whole.readsWindows)
    try take(chunks, geometry, targets: map.targets, readsWindows: false, to: &whole)
    let found = try whole.gram()
    // About an integer, products of integers this small are exact.
    var unfolded = BlockMoments(
      geometry, targets: map.targets, positionStride: 1, meanWeight: 0,
      centre: Array(repeating: map.offset, count: geometry.columns + map.targets))
    try take(chunks, geometry, targets: map.targets, readsWindows: true, to: &unfolded)
    let expected = unfolded.gram()
    #expect(found.positions == expected.positions)
    let scale = expected.products.map(abs).max() ?? 1
    // A chain of a thousand sums of few different numbers rounds one way.
    expectClose(found.sums, expected.sums, tolerance: 3e-5 * scale)
    expectClose(found.products, expected.products, tolerance: 3e-5 * scale)
    // What varies is as exact as without the offset, but at the edge, where windows hold zeros.
    if map.offset > 0 {
      let middle = (0..<map.channels).map { $0 * 9 + 4 }
      let (a, b) = (found.matrix(centred: true), expected.matrix(centred: true))
      for i in middle { for j in middle { #expect(abs(a[i, j] - b[i, j]) < 1e-2 * b[i, i]) } }
    }
  }

  @Test("parts about one centre add up to the whole")
  func parts() throws {
    let map = Self.maps[0]
    let geometry = try ConsumerGeometry(
      convolution: Convolution(kernel: [3, 3], padsBefore: [1, 1], padsAfter: [1, 1]),
      outputs: 1, input: [map.channels, map.height, map.width])
    let chunks = (0..<3).map { part in
      (tensor(9, map, 3, seed: UInt64(part)), tensor(9, map, 2, seed: UInt64(part) + 5))
    }
    func moments(_ chunks: ArraySlice<(Tensor, Tensor)>, centre: [Float]) throws -> LayerMoments {
      var moments = LayerMoments(geometry, targets: 2, positionStride: 1, centre: centre)
      try take(chunks, geometry, targets: 2, readsWindows: false, to: &moments)
      return moments
    }
    var whole = try moments(chunks[...], centre: [])
    var sum = try moments(chunks[..<1], centre: whole.centre)
    for part in 1..<3 { try sum.add(moments(chunks[part...part], centre: whole.centre)) }
    let (found, expected) = (try sum.gram(), try whole.gram())
    #expect(found.positions == expected.positions)
    let scale = expected.products.map(abs).max() ?? 1
    expectClose(found.products, expected.products, tolerance: 3e-5 * scale)
  }

  @Test("strides, dilations, other kernels and sampled positions are for unfolded windows")
  func others() throws {
    func fits(_ convolution: Convolution, _ input: [Int], stride: Int = 1) throws -> Bool {
      MapMoments.fits(
        try ConsumerGeometry(convolution: convolution, outputs: 1, input: input),
        positionStride: stride)
    }
    let same = Convolution(kernel: [3, 3], padsBefore: [1, 1], padsAfter: [1, 1])
    #expect(try fits(same, [2, 16, 16]))
    #expect(try !fits(same, [2, 16, 16], stride: 5))
    #expect(try !fits(same, [2, 17, 16]))
    for other in [
      Convolution(kernel: [3, 3], strides: [2, 2], padsBefore: [1, 1], padsAfter: [1, 1]),
      Convolution(kernel: [3, 3], dilations: [2, 2], padsBefore: [1, 1], padsAfter: [1, 1]),
      Convolution(kernel: [3, 3], padsBefore: [0, 0], padsAfter: [2, 2]),
      Convolution(kernel: [1, 1]), Convolution(kernel: [5, 5]),
    ] { #expect(try !fits(other, [2, 8, 8])) }
  }

  @Test("values that are not finite are refused")
  func notFinite() throws {
    let geometry = try ConsumerGeometry(
      convolution: Convolution(kernel: [3, 3], padsBefore: [1, 1], padsAfter: [1, 1]),
      outputs: 1, input: [2, 4, 4])
    var collector = GramCollector(geometry: geometry)
    var input = Tensor(shape: [3, 4, 4, 2])
    input.elements[70] = .nan
    try collector.add(input: input)
    let error = #expect(throws: RecoveryError.self) { try collector.finish() }
    #expect(error?.code == .nonFiniteActivations)
  }
}
