import Foundation
import LinearAlgebra
import TestSupport
import Testing

@Suite("Sliced matrices", .tags(.pure)) struct SlicedMatrixTests {
  private static func numbers<Number: SlicedElement>(
    _ count: Int, seed: UInt64, as type: Number.Type
  ) -> [Number] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in Number(Double.random(in: -1...1, using: &generator)) }
  }

  /// The definition: chains of fused multiply–adds of every fourth (second) column within a slice,
  /// slices added in double.
  private static func product<Number: SlicedElement>(
    _ x: [Number], _ y: [Number], columns: Int
  ) -> [Double] {
    stride(from: 0, to: x.count, by: columns).flatMap { i in
      stride(from: 0, to: y.count, by: columns).map { j in
        stride(from: 0, to: columns, by: Number.sliceWidth).reduce(0.0) { sum, start in
          let count = 16 / MemoryLayout<Number>.size
          var chains = [Number](repeating: 0, count: count)
          for k in start..<min(start + Number.sliceWidth, columns) {
            chains[(k - start) % count].addProduct(x[i + k], y[j + k])
          }
          return sum
            + Double(
              count == 2
                ? chains[0] + chains[1] : (chains[0] + chains[2]) + (chains[1] + chains[3]))
        }
      }
    }
  }

  private static func matches<Number: SlicedElement>(
    _ type: Number.Type, m: Int, n: Int, columns: Int
  ) -> Bool {
    let x = numbers(m * columns, seed: 1, as: type)
    let y = numbers(n * columns, seed: 2, as: type)
    var left = SlicedMatrix<Number>(rows: m, columns: columns)
    var right = SlicedMatrix<Number>(rows: n, columns: columns)
    // In two parts, as batches come.
    left.append(Array(x.prefix(m / 2 * columns)))
    left.append(Array(x.dropFirst(m / 2 * columns)))
    right.append(y)
    return SlicedMatrix.product(left, right).elements == product(x, y, columns: columns)
      && left.gram.elements == product(x, x, columns: columns)
  }

  @Test(
    "products are the defined bits, whatever the shape",
    arguments: [
      (1, 1, 1), (1, 40, 256), (7, 9, 700), (12, 32, 257), (13, 33, 255), (130, 33, 300),
      (128, 129, 100), (61, 16, 513), (30, 2, 1100), (6, 260, 515),
    ])
  func bits(m: Int, n: Int, columns: Int) {
    #expect(Self.matches(Float.self, m: m, n: n, columns: columns))
    #expect(Self.matches(Double.self, m: m, n: n, columns: columns))
  }

  @Test("a centre is subtracted from each of its columns")
  func centre() {
    let x: [Float] = Self.numbers(5 * 300, seed: 3, as: Float.self)
    let centre: [Float] = [0.25, -1, 3]
    var matrix = SlicedMatrix<Float>(rows: 5, columns: 300)
    matrix.append(x, centre: centre)
    let centred = x.indices.map { x[$0] - centre[$0 % 300 / 100] }
    #expect(matrix.gram.elements == Self.product(centred, centred, columns: 300))
  }

  @Test("squares are the Gram matrix's diagonal")
  func squares() {
    var matrix = SlicedMatrix<Float>(rows: 22, columns: 777)
    matrix.append(Self.numbers(22 * 777, seed: 4, as: Float.self))
    #expect(matrix.squares == matrix.gram.diagonal)
    var double = SlicedMatrix<Double>(rows: 22, columns: 777)
    double.append(Self.numbers(22 * 777, seed: 4, as: Double.self))
    #expect(double.squares == double.gram.diagonal)
  }

  @Test("what is not a number stays in its own row")
  func notANumber() {
    var x = Self.numbers(30 * 20, seed: 5, as: Float.self)
    x[7 * 20] = .nan
    var matrix = SlicedMatrix<Float>(rows: 30, columns: 20)
    matrix.append(x)
    let gram = matrix.gram
    for i in 0..<30 {
      for j in 0..<30 { #expect(gram[i, j].isNaN == (i == 7 || j == 7)) }
    }
  }
}

@Suite("NumPy files", .tags(.pure)) struct NumPyTests {
  @Test("a matrix is written as NumPy writes it")
  func npy() {
    let matrix = Matrix(rows: 2, columns: 3, elements: [1.5, -2, 0, 1e-300, 3, 4])
    // np.save of the same array: a header of 128 bytes, then the numbers.
    let data = matrix.npy
    let fields = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }"
    #expect(data.count == 128 + 48)
    #expect(data.prefix(10) == Data([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0]))
    #expect(data[10..<128] == Data((fields + String(repeating: " ", count: 58) + "\n").utf8))
    let numbers = data.dropFirst(128).withUnsafeBytes { bytes in
      (0..<6).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
    }
    #expect(numbers == matrix.elements)
  }
}
