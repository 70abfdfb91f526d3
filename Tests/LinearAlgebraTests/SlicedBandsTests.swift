import LinearAlgebra
import Parallelism
import TestSupport
import Testing

@Suite("Sliced matrices in parts", .tags(.pure))
struct SlicedBandsTests {
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
    "products of bands of columns add up to the product of all, to the last bit",
    arguments: [256, 512, 1024])
  func bands(width: Int) {
    let numbers = (1...2).map { Self.numbers(seed: UInt64($0)) }
    let centre = [Float](repeating: 0, count: Self.columns / 2).indices.map { Float($0) / 100 }
    let whole = numbers.map { numbers in
      var matrix = SlicedMatrix<Float>(rows: Self.rows, columns: Self.columns)
      matrix.append(numbers, centre: centre)
      return matrix
    }
    var bands = numbers.map { _ in SlicedMatrix<Float>(rows: Self.rows, columns: width) }
    var (product, gram) = (
      Matrix(rows: Self.rows, columns: Self.rows), Matrix(rows: Self.rows, columns: Self.rows)
    )
    var (turned, turnedGram) = (product, gram)
    var panels = bands.map { SlicedPanels(rows: Self.rows, columns: $0.capacity) }
    var squares = [Double](repeating: 0, count: Self.rows)
    for start in stride(from: 0, to: Self.columns, by: width) {
      for place in bands.indices {
        bands[place].clear(columns: min(width, Self.columns - start))
        bands[place].write(
          numbers[place], width: Self.columns, from: start, at: 0, centre: centre)
        bands[place].fill()
      }
      bands[0].addProduct(with: bands[1], to: &product)
      bands[0].addProduct(with: nil, to: &gram)
      bands[0].addSquares(to: &squares)
      for place in bands.indices { panels[place].turn(bands[place]) }
      panels[1].addProduct(of: bands[0], isSymmetric: false, to: &turned)
      panels[0].addProduct(of: bands[0], isSymmetric: true, to: &turnedGram)
    }
    gram.mirrorUpperTriangle()
    turnedGram.mirrorUpperTriangle()
    #expect(turned == product && turnedGram == gram)
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
