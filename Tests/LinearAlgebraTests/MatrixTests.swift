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
    var padded = [Float](repeating: 1, count: 42)
    FloatProducts.add(
      x.elements.map(Float.init), times: y.transposed.elements.map(Float.init), inner: 9, m: 6,
      n: 5, rowsOfBApart: 5, rowsOfCApart: 7, into: &padded)
    for row in 0..<6 {
      expectClose(
        Array(padded[row * 7..<row * 7 + 5]), Array(expected[row * 5..<row * 5 + 5]),
        tolerance: 1e-5)
      #expect(padded[row * 7 + 5..<row * 7 + 7] == [1, 1])
    }
    var gram = [Float](repeating: 0, count: 36)
    FloatProducts.addUpperGram(
      rows: x.elements.map(Float.init), inner: 9, stride: 9, m: 6, into: &gram)
    #expect(abs(Double(gram[4]) - (x * x.transposed)[0, 4]) < 1e-5)
  }
}
