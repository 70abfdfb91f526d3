import TestSupport
import Testing

@testable import Recovery

@Suite("Gathered places", .tags(.pure))
struct GatheredPlacesTests {
  @Test(
    "what is gathered is what is at the places, in order",
    arguments: [
      [], [3], [5, 9, 2], Array(0..<40), Array(4..<12) + [20] + Array(30..<47), [7, 8, 1, 2, 3],
    ])
  func gather(places: [Int]) {
    let source = (0..<50).map { Float($0) + 0.5 }
    var target = [Float](repeating: -1, count: 50)
    source.withUnsafeBufferPointer { source in
      target.withUnsafeMutableBufferPointer { target in
        guard let source = source.baseAddress, let target = target.baseAddress else { return }
        GatheredPlaces(places).gather(from: source, into: target)
      }
    }
    #expect(target == places.map { source[$0] } + Array(repeating: -1, count: 50 - places.count))
  }
}
