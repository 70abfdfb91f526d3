import Parallelism
import Synchronization
import TestSupport
import Testing

@Suite(.tags(.pure)) struct ParallelForTests {
  private struct Failure: Error, Equatable { var index: Int }

  @Test("every index is computed once, whatever the number of threads", arguments: [1, 2, 3, 16])
  func everyIndexOnce(threads: Int) throws {
    let counts = Mutex([Int](repeating: 0, count: 37))
    try parallelFor(count: 37, threads: threads) { index in counts.withLock { $0[index] += 1 } }
    #expect(counts.withLock { $0 } == Array(repeating: 1, count: 37))
  }

  @Test("values come in the order of their indices", arguments: [1, 2, 5])
  func ordered(threads: Int) throws {
    #expect(try parallelMap(count: 20, threads: threads) { $0 * $0 } == (0..<20).map { $0 * $0 })
  }

  @Test("the error of the lowest index is thrown", arguments: [1, 2, 8])
  func lowestError(threads: Int) {
    #expect(throws: Failure(index: 3)) {
      try parallelFor(count: 50, threads: threads) { index in
        if index >= 3 { throw Failure(index: index) }
      }
    }
  }

  @Test("nothing to do is no error")
  func empty() throws {
    #expect(try parallelMap(count: 0, threads: 4) { $0 } == [])
  }

  @Test("elements change in their places, and what is made of them comes in their order")
  func elements() throws {
    for threads in [1, 3] {
      var elements = Array(0..<100)
      let values = try elements.parallelMap(threads: threads) { index, element in
        element += index
        return "\(index)"
      }
      #expect(elements == (0..<100).map { 2 * $0 })
      #expect(values == (0..<100).map { "\($0)" })
    }
  }
}
