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

  @Test("of every four the first is a sample, the others lie between two, in all inputs alike")
  func blends() {
    let tensors = SampleBlends(Self.chunks, isBlended: true).tensors(0..<400)
    #expect(tensors.map(\.shape) == [[400, 2], [400, 1]])
    var (met, blended) = (Set<Float>(), 0)
    for place in 0..<400 {
      let (first, second) = (tensors[0].elements[2 * place], tensors[0].elements[2 * place + 1])
      let other = tensors[1].elements[place]
      // The samples lie on a line: so do their blends.
      expectClose([second], [first + 1], tolerance: 1e-5)
      expectClose([other], [5 * (first - 1) + 10], tolerance: 1e-4)
      #expect(first >= 1 && first <= 5)
      if place % 4 == 0 {
        #expect([1, 3, 5].contains(first))
        met.insert(first)
      } else if ![1, 3, 5].contains(first) {
        blended += 1
      }
    }
    #expect(met.count == 3, "all samples are met")
    #expect(blended > 150, "a third of the others are blends of a sample with itself")
  }

  @Test("what does not mean an amount is not blended")
  func samples() {
    let tensors = SampleBlends(Self.chunks, isBlended: false).tensors(0..<100)
    #expect(Set(tensors[1].elements) == [10, 20, 30])
  }

  @Test("where a range begins does not matter")
  func ranges() {
    let blends = SampleBlends(Self.chunks, isBlended: true)
    let whole = blends.tensors(0..<12)[0].elements
    #expect(blends.tensors(0..<5)[0].elements + blends.tensors(5..<12)[0].elements == whole)
  }
}
