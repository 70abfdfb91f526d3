import TestSupport
import Testing

@testable import Tensors

@Suite("Tensors", .tags(.pure))
struct TensorTests {
  @Test("joined parts follow one another along the first axis")
  func joining() {
    let parts = [
      Tensor(shape: [1, 2], elements: [1, 2]), Tensor(shape: [0, 2], elements: []),
      Tensor(shape: [2, 2], elements: [3, 4, 5, 6]),
    ]
    #expect(Tensor(joining: parts) == Tensor(shape: [3, 2], elements: [1, 2, 3, 4, 5, 6]))
    #expect(Tensor(joining: [parts[2]]) == parts[2])
  }
}
