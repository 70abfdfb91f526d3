import LinearAlgebra
import Parallelism
import TestSupport
import Testing

@Suite("Sliced matrices in parts", .tags(.pure))
struct SlicedBandsTests {
  private static let rows = 7
  private static let columns = 1_200

  private static func numbers(seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<rows * columns).map { _ in Float.random(in: -1...1, using: &generator) }
  }

  @Test("rows written in any order by several threads are the rows appended in order")
  func writing() throws {
    let numbers = Self.numbers(seed: 1)
    var appended = SlicedMatrix<Float>(rows: Self.rows, columns: Self.columns)
    appended.append(numbers, centre: [0.5, -1])
    let empty = SlicedMatrix<Float>(rows: Self.rows, columns: Self.columns)
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

  @Test(
    "products of bands of columns add up to the product of all",
    arguments: [(1, 7), (7, 1), (16, 50), (65, 65), (130, 20), (300, 129)], [512, 1024])
  func bands(rows: (Int, Int), width: Int) {
    var generator = SeededGenerator(seed: 9)
    let counts = [rows.0, rows.1]
    let numbers = counts.map { rows in
      (0..<rows * Self.columns).map { _ in Float.random(in: -1...1, using: &generator) }
    }
    let centre = (0..<Self.columns / 2).map { Float($0) / 100 }
    let whole = zip(counts, numbers).map { rows, numbers in
      var matrix = SlicedMatrix<Float>(rows: rows, columns: Self.columns)
      matrix.append(numbers, centre: centre)
      return matrix
    }
    var bands = counts.map { SlicedMatrix<Float>(rows: $0, columns: width) }
    var (product, gram) = (
      Matrix(rows: rows.0, columns: rows.1), Matrix(rows: rows.0, columns: rows.0)
    )
    var squares = [Double](repeating: 0, count: rows.0)
    for start in stride(from: 0, to: Self.columns, by: width) {
      for place in bands.indices {
        bands[place].clear(columns: min(width, Self.columns - start))
        bands[place].fill()
        // In two parts, where there are rows for them.
        let row = counts[place] / 3
        for (first, part) in [
          (0, numbers[place][..<(row * Self.columns)]),
          (row, numbers[place][(row * Self.columns)...]),
        ] {
          bands[place].write(
            Array(part), width: Self.columns, from: start, at: first, centre: centre)
        }
      }
      bands[0].addProduct(with: bands[1], to: &product)
      bands[0].addProduct(with: nil, to: &gram)
      bands[0].addSquares(to: &squares)
    }
    gram.mirrorUpperTriangle()
    #expect(product == SlicedMatrix.product(whole[0], whole[1]))
    #expect(gram == whole[0].gram && squares == whole[0].squares)
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
}
