import LinearAlgebra
import NetworkGraph
import Tensors
import TestSupport
import Testing

@testable import Recovery

@Suite("Sampled positions, in blocks", .tags(.pure))
struct PositionBlocksTests {
  /// Keeps what a map has at the sampled positions, in order.
  private struct Record: BlockConsumer {
    let column: Int
    var values: [Float] = []

    mutating func take(_ block: inout FloatRows, images: [BlockImage]) throws {
      for row in 0..<images.positions {
        values.append(block.elements[row * block.rowLength + column])
      }
    }
  }

  private static let geometry = try? ConsumerGeometry(
    convolution: Convolution(kernel: [3, 3], padsBefore: [1, 1], padsAfter: [1, 1]), outputs: 1,
    input: [1, 5, 7])

  /// Images that tell every element from every other.
  private static let map = Tensor(shape: [40, 1, 5, 7], elements: (0..<40 * 35).map(Float.init))

  @Test("of a map's channels, those that are wanted come in their order; others are refused")
  func channels() throws {
    let geometry = try #require(Self.geometry)
    let map = Tensor(shape: [2, 5, 7, 4], elements: (0..<2 * 35 * 4).map(Float.init))
    func values(_ channels: [Int]?, wanted: Int, column: Int) throws -> [Float] {
      var blocks = PositionBlocks(
        geometry: geometry, companions: [wanted], positionsPerImage: 35, readsWindows: false)
      var record = Record(column: column)
      let input = Tensor(shape: [2, 5, 7, 1])
      try blocks.add(input: input, maps: [ChannelMaps(map, channels: channels)], to: &record)
      try blocks.flush(to: &record)
      return record.values
    }
    for (column, channel) in [2, 0].enumerated() {
      #expect(
        try values([2, 0], wanted: 2, column: column)
          == (0..<70).map { Float(4 * $0 + channel) })
    }
    #expect(try values(nil, wanted: 4, column: 3) == (0..<70).map { Float(4 * $0 + 3) })
    #expect(throws: RecoveryError.self) { try values([2, 4], wanted: 2, column: 0) }
    #expect(throws: RecoveryError.self) { try values([2], wanted: 2, column: 0) }
    #expect(throws: RecoveryError.self) { try values(nil, wanted: 3, column: 0) }
  }

  @Test(
    "from any image on, the positions are those that were sampled there", arguments: [1, 4, 35])
  func restart(positionsPerImage: Int) throws {
    let geometry = try #require(Self.geometry)
    var blocks = PositionBlocks(
      geometry: geometry, companions: [1], positionsPerImage: positionsPerImage)
    func values(of images: Range<Int>) throws -> [Float] {
      blocks.restart(after: images.lowerBound)
      var record = Record(column: geometry.columns)
      try blocks.add(input: Self.map, maps: [ChannelMaps(Self.map)], images: images, to: &record)
      try blocks.flush(to: &record)
      return record.values
    }
    let all = try values(of: 0..<40)
    #expect(Set(all).count == all.count)
    for first in 0..<40 {
      let before = blocks.positions(ofFirst: first)
      #expect(try values(of: 0..<first) == Array(all[..<before]))
      #expect(try values(of: first..<40) == Array(all[before...]))
    }
  }
}
