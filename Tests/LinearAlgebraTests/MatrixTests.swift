import LinearAlgebra
import TestSupport
import Testing

@Suite("Matrices", .tags(.pure)) struct MatrixTests {
  private func random(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix {
    var generator = SeededGenerator(seed: seed)
    return Matrix(
      rows: rows, columns: columns,
      elements: (0..<rows * columns).map { _ in Double.random(in: -1...1, using: &generator) })
  }

  @Test("products agree with the definition, transposed or not")
  func products() {
    let (a, b) = (random(5, 7, seed: 1), random(7, 4, seed: 2))
    var expected = Matrix(rows: 5, columns: 4)
    for i in 0..<5 {
      for j in 0..<4 { for k in 0..<7 { expected[i, j] += a[i, k] * b[k, j] } }
    }
    expectClose((a * b).elements, expected.elements, tolerance: 1e-14)
    var c = Matrix(rows: 5, columns: 4)
    c.add(productOf: a.transposed, transposed: true, and: b.transposed, transposed: true, scale: 2)
    expectClose(c.elements, expected.elements.map { 2 * $0 }, tolerance: 1e-14)
  }

  @Test("Gram matrices fill the upper triangle, and mirroring the lower one", arguments: [3, 70])
  func grams(order: Int) {
    let a = random(order, 11, seed: 3)
    var rows = Matrix(rows: order, columns: order)
    rows.addUpperGram(of: a, .rows)
    if order > 1 { #expect(rows[order - 1, 0] == 0) }
    rows.mirrorUpperTriangle()
    expectClose(rows.elements, (a * a.transposed).elements, tolerance: 1e-13)
    var columns = Matrix(rows: 11, columns: 11)
    columns.addUpperGram(of: a, .columns, scale: -1)
    columns.mirrorUpperTriangle()
    expectClose(
      columns.elements, (a.transposed * a).elements.map { -$0 }, tolerance: 1e-13)
  }

  @Test("a Cholesky factorisation solves and inverts the damped matrix")
  func cholesky() throws {
    let x = random(30, 12, seed: 4)
    let a = x.transposed * x
    var damped = a
    for i in 0..<12 { damped[i, i] += 0.5 }
    let factorization = try CholeskyFactorization(a, damping: 0.5)
    let inverse = try factorization.inverse()
    expectClose((inverse * damped).elements, Matrix.identity(12).elements, tolerance: 1e-12)
    let b = random(3, 12, seed: 5)
    let solution = try factorization.solve(b)
    expectClose((solution * damped).elements, b.elements, tolerance: 1e-12)
  }

  @Test("a matrix that is not positive definite is an error with LAPACK's info")
  func indefinite() throws {
    let matrix = Matrix(rows: 2, columns: 2, elements: [1.0, 2, 2, 1])
    let error = #expect(throws: LinearAlgebraError.self) { try CholeskyFactorization(matrix) }
    #expect(error?.code == .notPositiveDefinite)
    #expect(error?.info == 2)
  }

  @Test("single-precision products agree with double ones")
  func floats() {
    let (x, y) = (random(6, 9, seed: 6), random(5, 9, seed: 7))
    var c = [Float](repeating: 1, count: 30)
    FloatProducts.add(
      rows: x.elements.map(Float.init), times: y.elements.map(Float.init), inner: 9, stride: 9,
      m: 6, n: 5, into: &c)
    let expected = (x * y.transposed).elements.map { Float($0) + 1 }
    expectClose(c, expected, tolerance: 1e-5)
  }

  @Test(
    "products of columns agree with double ones, and touch nothing else", arguments: [5, 16, 70])
  func rows(columns: Int) {
    let (x, y, w) = (random(9, columns, seed: 6), random(9, 3, seed: 7), random(4, 2, seed: 8))
    func rows(_ matrix: Matrix) -> FloatRows {
      var rows = FloatRows(rows: matrix.rows + 1, columns: matrix.columns, repeating: 99)
      #expect(rows.rowLength.isMultiple(of: 16) && !rows.rowLength.isMultiple(of: 64))
      #expect(rows.rows == matrix.rows + 1)
      for row in 0..<matrix.rows {
        for column in 0..<matrix.columns {
          rows.elements[row * rows.rowLength + column] = Float(matrix[row, column])
        }
      }
      return rows
    }
    let gram = x.transposed * x
    var upper = [Float](repeating: -1, count: 16)
    rows(x).writeUpperGram(ofFirstColumns: 4, rows: 9, into: &upper)
    for i in 0..<4 {
      for j in 0..<4 {
        #expect(abs(Double(upper[i * 4 + j]) - (j < i ? -1 : gram[i, j])) < 1e-5)
      }
    }
    let product = x.transposed * y
    var some = [Float](repeating: -1, count: 4)
    rows(x).writeProduct(of: 3..<5, byFirstColumns: 2, of: rows(y), rows: 9, into: &some)
    expectClose(
      some, [product[3, 0], product[3, 1], product[4, 0], product[4, 1]].map { Float($0) },
      tolerance: 1e-5)
    var result = FloatRows(rows: 9, columns: 2, repeating: -1)
    rows(x).multiplyFirstColumns(4, by: w.elements.map(Float.init), rows: 8, into: &result)
    for row in 0..<9 {
      for column in 0..<result.rowLength {
        let value = result.elements[row * result.rowLength + column]
        let expected = (0..<4).reduce(0.0) { $0 + x[row, $1] * (column < 2 ? w[$1, column] : 0) }
        #expect(row < 8 && column < 2 ? abs(Double(value) - expected) < 1e-5 : value == -1)
      }
    }
  }
}
