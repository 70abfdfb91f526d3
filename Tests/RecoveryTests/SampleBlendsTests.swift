import LinearAlgebra
import Recovery
import Tensors
import TestSupport
import Testing

@Suite("Samples and blends of them", .tags(.pure))
struct SampleBlendsTests {
  private static let chunks = [
    [Tensor(shape: [2, 2], elements: [1, 2, 3, 4]), Tensor(shape: [2, 1], elements: [10, 20])],
    [Tensor(shape: [1, 2], elements: [5, 6]), Tensor(shape: [1, 1], elements: [30])],
  ]

  @Test("the samples come first, as they are")
  func samples() {
    let blends = SampleBlends(Self.chunks, passes: 3)
    #expect(blends.samples == 3 && blends.count == 9)
    let tensors = blends.tensors(0..<3)
    #expect(tensors[0] == Tensor(shape: [3, 2], elements: [1, 2, 3, 4, 5, 6]))
    #expect(tensors[1] == Tensor(shape: [3, 1], elements: [10, 20, 30]))
  }

  @Test("then every sample has the greater part in a blend with one other, in all inputs alike")
  func blends() {
    let blends = SampleBlends(Self.chunks, passes: 3)
    let tensors = blends.tensors(3..<9)
    for place in 0..<6 {
      let own = Float(place % 3)
      let (first, second) = (tensors[0].elements[2 * place], tensors[0].elements[2 * place + 1])
      let other = tensors[1].elements[place]
      // The samples lie on a line: so do their blends.
      expectClose([second], [first + 1], tolerance: 1e-5)
      expectClose([other], [5 * (first - 1) + 10], tolerance: 1e-4)
      #expect(abs(first - (1 + 2 * own)) <= abs(own == 1 ? 1 : 2) + 1e-5)
    }
    #expect(Set(tensors[1].elements).count > 3, "all of them are samples")
  }

  @Test("where a range begins does not matter")
  func ranges() {
    let blends = SampleBlends(Self.chunks, passes: 4)
    let whole = blends.tensors(0..<12)[0].elements
    #expect(blends.tensors(0..<5)[0].elements + blends.tensors(5..<12)[0].elements == whole)
  }

  @Test("output moments are sums over positions and samples")
  func moments() {
    var generator = SeededGenerator(seed: 3)
    let map = Tensor(
      shape: [4, 3, 5], elements: (0..<60).map { _ in .random(in: -1...1, using: &generator) })
    var (whole, parts) = (OutputMoments(outputs: 3), OutputMoments(outputs: 3))
    whole.add(map)
    var other = OutputMoments(outputs: 3)
    parts.add(map.gathering([0, 1, 2], axis: 0))
    other.add(map.gathering([3], axis: 0))
    parts.add(other)
    for a in 0..<3 {
      for b in 0..<3 {
        let expected = (0..<4).reduce(0.0) { sum, sample in
          (0..<5).reduce(sum) {
            $0 + Double(map.elements[(sample * 3 + a) * 5 + $1])
              * Double(map.elements[(sample * 3 + b) * 5 + $1])
          }
        }
        #expect(abs(whole.matrix[a, b] - expected) < 1e-5)
        #expect(abs(parts.matrix[a, b] - expected) < 1e-5)
      }
    }
  }
}
