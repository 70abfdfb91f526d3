import LinearAlgebra
import Parallelism
import TestSupport
import Testing

@Suite("Matrices in pages", .tags(.pure))
struct PageMemoryTests {
  private static let rows = 7
  private static let columns = 600

  private static func numbers(seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<rows * columns).map { _ in Float.random(in: -1...1, using: &generator) }
  }

  @Test("rows written in any order by several threads are the rows appended in order")
  func writing() throws {
    let numbers = Self.numbers(seed: 1)
    var appended = SlicedMatrix<Float>(rows: Self.rows, columns: Self.columns)
    appended.append(numbers, centre: [0.5, -1])
    let size = SlicedMatrix<Float>.byteCount(rows: Self.rows, columns: Self.columns)
    #expect(size % PageMemory.pageSize == 0)
    // The second of two matrices in the same pages.
    let pages = try PageMemory(byteCount: 2 * size, lendable: false)
    let empty = SlicedMatrix<Float>(
      rows: Self.rows, columns: Self.columns, in: pages, at: size, filled: 0)
    try parallelFor(count: Self.rows, threads: 3) { index in
      let row = Self.rows - 1 - index
      empty.write(
        Array(numbers[row * Self.columns..<(row + 1) * Self.columns]), at: row, centre: [0.5, -1])
    }
    var whole = empty
    whole.fill()
    #expect(whole.gram == appended.gram && whole.squares == appended.squares)
    #expect((0..<Self.rows).allSatisfy { whole.row($0) == appended.row($0) })
  }

  @Test("appending to a copy leaves the original as it was")
  func copies() {
    let numbers = Self.numbers(seed: 2)
    var original = SlicedMatrix<Float>(rows: 2, columns: Self.columns)
    original.append(Array(numbers[..<Self.columns]))
    var copy = original
    copy.append(Array(numbers[Self.columns..<2 * Self.columns]))
    original.append(Array(numbers[2 * Self.columns..<3 * Self.columns]))
    #expect(copy.row(1) == Array(numbers[Self.columns..<2 * Self.columns]))
    #expect(original.row(1) == Array(numbers[2 * Self.columns..<3 * Self.columns]))
  }

  @Test("lent pages are the owner's, as long as they are borrowed, and come back when forgotten")
  func lending() throws {
    let numbers = Self.numbers(seed: 3)
    let size = SlicedMatrix<Float>.byteCount(rows: Self.rows, columns: Self.columns)
    var owner: PageMemory? = try PageMemory(byteCount: size, lendable: true)
    let path = try #require(owner?.lendingPath)
    let expected = owner.map { pages in
      var matrix = SlicedMatrix<Float>(
        rows: Self.rows, columns: Self.columns, in: pages, at: 0, filled: 0)
      matrix.write(numbers, at: 0)
      matrix.fill()
      return matrix.gram
    }
    let borrowed = try #require(PageMemory(borrowing: path, byteCount: size))
    #expect(borrowed.isBorrowed && borrowed.lendingPath == nil)
    #expect(PageMemory(borrowing: path, byteCount: size + 1) == nil)
    owner = nil
    #expect(PageMemory(borrowing: path, byteCount: size) == nil, "its owner is gone")
    let matrix = SlicedMatrix<Float>(
      rows: Self.rows, columns: Self.columns, in: borrowed, at: 0, filled: Self.rows)
    #expect(matrix.gram == expected)
    matrix.forget()
    #expect(matrix.gram == expected)
  }

  @Test("memory that there is not is an error")
  func tooMuch() {
    let error = #expect(throws: LinearAlgebraError.self) {
      try PageMemory(byteCount: 1 << 60, lendable: false)
    }
    #expect(error?.code == .outOfMemory)
  }
}
