import Foundation
import LinearAlgebra
import Parallelism
import Tensors
import TestSupport
import Testing

@testable import Importance

@Suite("Kernels of tiles that several processes bring", .tags(.pure)) struct SharedKernelTests {
  private static let images = [7, 7, 7, 3]
  /// More columns than fit a band, and few.
  private static let widths = [5, 200_000, 300]

  private static func features(_ tap: Int) throws -> [TileFeatures] {
    try images.enumerated().map { tile, images in
      // One tile is dead at one tap.
      let isZero = tap == 2 && tile == 1
      let seed = UInt64(10 * tap + tile + 1)
      let elements = (0..<images * widths[tap]).map { place in
        isZero ? 0 : Float((UInt64(place) &* seed &* 2_654_435_761) >> 16 & 0xffff) / 65536
      }
      let features = Tensor(shape: [images, widths[tap]], elements: elements)
      return try TileFeatures(features, centre: [Float](repeating: 0.25, count: widths[tap]))
    }
  }

  private static let pairs = TileLayout(samples: 24, tileSize: 7).pairs

  private static func block(_ pair: TilePair) -> TileKernels.Block {
    .init(pair, first: pair.first, second: pair.isDiagonal ? nil : pair.second)
  }

  /// The kernels of a member's pairs at all taps.
  private static func kernels(
    _ kernels: inout TileKernels, here: (Int) -> Bool, _ features: [[TileFeatures]]
  ) throws -> [[TileKernel]] {
    try widths.indices.map { tap in
      try kernels.kernels(
        of: features[tap].enumerated().map { tile, features in
          here(tile)
            ? features
            : TileFeatures(
              elsewhere: features.shape, images: features.images, centre: features.centre)
        }, tap: "\(tap)", bandwidth: tap == 0 ? 0.5 : nil)
    }
  }

  @Test("each gets what it gets alone, to the last bit", arguments: [2, 3, 5])
  func together(members: Int) throws {
    let features = try Self.widths.indices.map(Self.features)
    let widest = Self.widths.max() ?? 1
    var whole = TileKernels(
      Self.pairs.map(Self.block), images: Self.images, widest: widest, threads: 1)
    let expected = try Self.kernels(&whole, here: { _ in true }, features)
    let name = UUID().uuidString
    let all = try parallelMap(count: members, threads: members) { member in
      let own = Self.pairs.indices.filter { $0 % members == member }
      let ring = try SharedRing(
        name, place: member, of: members, slots: TileKernels.slots,
        slotBytes: TileKernels.slotByteCount(images: Self.images, widest: widest))
      var kernels = TileKernels(
        own.map { Self.block(Self.pairs[$0]) }, images: Self.images, widest: widest,
        threads: 1 + member % 2, sharing: ring)
      // Some bring several tiles, and one of five none.
      let made = try Self.kernels(&kernels, here: { $0 % members == member }, features)
      return (own: own, made: made)
    }
    for (own, made) in all {
      for tap in Self.widths.indices {
        for (place, kernel) in zip(own, made[tap]) {
          let alone = expected[tap][place]
          #expect(kernel.values == alone.values)
          #expect(kernel.rowSums == alone.rowSums && kernel.columnSums == alone.columnSums)
          #expect(kernel.isDead == (tap == 2 && Self.pairs[place] == TilePair(first: 1, second: 1)))
          #expect(kernel.isDead == alone.isDead && kernel.fault == nil)
        }
      }
    }
  }

  @Test("what is wrong with features that are elsewhere is not guessed")
  func faults() throws {
    var features = try Self.features(0)
    features[1] = try TileFeatures(Tensor(shape: [7, 5], repeating: .nan))
    for tile in [0, 2, 3] {
      features[tile] = try TileFeatures(features[tile].batches, centre: [])
    }
    let name = UUID().uuidString
    let ends = try parallelMap(count: 2, threads: 2) { [features] member in
      Result {
        let ring = try SharedRing(
          name, place: member, of: 2, slots: TileKernels.slots,
          slotBytes: TileKernels.slotByteCount(images: Self.images, widest: 5))
        defer { ring.leave() }
        var kernels = TileKernels(
          [Self.block(TilePair(first: 1, second: 1))], images: Self.images, widest: 5, threads: 1,
          sharing: ring)
        return try kernels.kernels(
          of: features.enumerated().map { tile, features in
            tile % 2 == member
              ? features : TileFeatures(elsewhere: [5], images: features.images)
          }, tap: "tap", bandwidth: nil)
      }
    }
    #expect(throws: SharedRing.Broken.self) { try ends[0].get() }
    let fault = try #require(try ends[1].get()[0].fault)
    #expect(fault.tile == 1 && fault.image == 0 && fault.kind == .notANumber)
  }
}
