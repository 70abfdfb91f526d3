import LinearAlgebra
import TestSupport
import Testing

@testable import Recovery

@Suite("What a layer should put out", .tags(.pure)) struct LayerTargetTests {
  /// Two rows of an input column, two outputs, a one, and what is added in both networks.
  private func rows() -> FloatRows {
    var rows = FloatRows(rows: 3, columns: 8, repeating: 7)
    for (row, numbers) in [[9, 10, 20, 1, 5, 6, 2, 8], [9, -4, 3, 1, 0, 1, 1, -1]].enumerated() {
      for (column, number) in numbers.enumerated() {
        rows.elements[row * rows.rowLength + column] = Float(number)
      }
    }
    return rows
  }

  private func row(_ row: Int, of rows: FloatRows) -> [Float] {
    Array(rows.elements[row * rows.rowLength..<row * rows.rowLength + rows.columns])
  }

  @Test("it makes up for what the shortcut lacks, at the scale of the output")
  func shortcuts() {
    var rows = rows()
    LayerTarget(factors: [2, -1]).write(
      to: &rows, rows: 2, outputs: 1, shortcuts: (dense: 4, own: 6))
    // 10 + 2 (5 − 2) and 20 − (6 − 8); −4 + 2 (0 − 1) and 3 − (1 + 1).
    #expect(row(0, of: rows) == [9, 16, 22, 1, 5, 6, 4, -8])
    #expect(row(1, of: rows) == [9, -6, 1, 1, 0, 1, 2, 1])
    #expect(row(2, of: rows) == Array(repeating: 7, count: 8))
  }

  @Test("constants of the layer's own are taken off: of each output, of all, or of none")
  func constants() {
    func targets(_ elements: [Float]) -> [[Float]] {
      var rows = rows()
      LayerTarget(factors: [1, 1], constant: .init(alpha: 2, beta: 3, elements: elements)).write(
        to: &rows, rows: 2, outputs: 1, shortcuts: nil)
      return (0..<2).map { Array(row($0, of: rows)[1..<3]) }
    }
    #expect(targets([4, 2]) == [[-1, 7], [-8, -1.5]])
    #expect(targets([4]) == [[-1, 4], [-8, -4.5]])
    #expect(targets([]) == [[5, 10], [-2, 1.5]])
  }
}
