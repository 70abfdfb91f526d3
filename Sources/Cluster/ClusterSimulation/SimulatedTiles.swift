import Foundation
import Importance
import Tensors

/// Statistics of tiles that nobody computed: a few features made of the tile's number.
public struct SimulatedTiles: Sendable {
  public let taps: [String]
  /// Images in a tile.
  public let images: Int

  public init(taps: [String], images: Int) {
    self.taps = taps
    self.images = images
  }

  private static let features = 4

  /// The kernel: linear, about zero.
  var reference: KernelReference {
    KernelReference(kernel: .linear, centres: taps.map { _ in [0] })
  }

  var kernelSummary: Data { Data(#"{"bandwidths": [], "kernel": "linear"}"#.utf8) }

  /// Nil for any other job than a tile pair.
  public func statistics(forPayload payload: Data) throws -> TilePairStatistics? {
    try Self.pair(in: payload).map { try statistics(of: $0) }
  }

  /// The pair that a payload names: found, not decoded, because a thousand simulated workers share
  /// the machine with the coordinator that is measured.
  private static func pair(in payload: Data) -> TilePair? {
    payload.withUnsafeBytes { bytes in
      let name = #""pair""#.utf8
      guard let place = bytes.indices.first(where: { bytes[$0...].starts(with: name) })
      else { return nil }
      let rest = bytes[(place + name.count)...].prefix(80)
      let numbers = rest.split(whereSeparator: { !(0x30...0x39).contains($0) })
        .prefix(2).map { $0.reduce(0) { 10 * $0 + Int($1 - 0x30) } }
      guard numbers.count == 2, numbers[0] <= numbers[1] else { return nil }
      return TilePair(first: numbers[0], second: numbers[1])
    }
  }

  public func statistics(of pair: TilePair) throws -> TilePairStatistics {
    try TilePairStatistics.compute(
      pair: pair, taps: taps, first: tile(pair.first),
      second: pair.isDiagonal ? nil : tile(pair.second),
      reference: reference, threads: 1)
  }

  private func tile(_ number: Int) throws -> [TileFeatures] {
    try taps.indices.map { tap in
      let elements = (0..<images * Self.features).map { place in
        let turns =
          Double((number * taps.count + tap) * images * Self.features + place)
          * 0.618_033_988_749_895
        return Float(turns - turns.rounded(.down))
      }
      return try TileFeatures(
        Tensor(shape: [images, 1, Self.features], elements: elements), centre: [0])
    }
  }
}
