/// A dense matrix of doubles in row-major order, with value semantics.
public struct Matrix: Sendable, Hashable {
  public let rows: Int
  public let columns: Int
  /// `rows × columns` numbers; element (i, j) is at `i × columns + j`.
  public var elements: [Double]

  /// Wraps elements that are already in row-major order.
  ///
  /// - Precondition: `elements.count` is `rows × columns`.
  public init(rows: Int, columns: Int, elements: [Double]) {
    precondition(
      elements.count == rows * columns,
      "\(elements.count) elements do not fill a \(rows) × \(columns) matrix")
    self.rows = rows
    self.columns = columns
    self.elements = elements
  }

  /// A matrix with every element equal to `value`.
  public init(rows: Int, columns: Int, repeating value: Double = 0) {
    self.init(
      rows: rows, columns: columns, elements: Array(repeating: value, count: rows * columns))
  }

  /// Widens single-precision elements in row-major order.
  public init(rows: Int, columns: Int, elements: [Float]) {
    self.init(rows: rows, columns: columns, elements: elements.map(Double.init))
  }

  /// The identity matrix of an order.
  public static func identity(_ order: Int) -> Matrix {
    var matrix = Matrix(rows: order, columns: order)
    for i in 0..<order { matrix[i, i] = 1 }
    return matrix
  }

  public subscript(row: Int, column: Int) -> Double {
    get { elements[row * columns + column] }
    set { elements[row * columns + column] = newValue }
  }

  /// The elements (i, i).
  public var diagonal: [Double] { (0..<min(rows, columns)).map { self[$0, $0] } }

  /// The matrix with rows and columns exchanged.
  public var transposed: Matrix {
    var result = Matrix(rows: columns, columns: rows)
    for i in 0..<rows {
      for j in 0..<columns { result.elements[j * rows + i] = elements[i * columns + j] }
    }
    return result
  }

  /// The columns at `indices`, in the order given.
  public func gathering(columns indices: [Int]) -> Matrix {
    var result: [Double] = []
    result.reserveCapacity(rows * indices.count)
    for i in 0..<rows {
      let row = i * columns
      for j in indices { result.append(elements[row + j]) }
    }
    return Matrix(rows: rows, columns: indices.count, elements: result)
  }

  /// The principal submatrix on `indices`, in the order given.
  ///
  /// - Precondition: The matrix is square.
  public func principalSubmatrix(_ indices: [Int]) -> Matrix {
    precondition(rows == columns, "a \(rows) × \(columns) matrix has no principal submatrix")
    var result: [Double] = []
    result.reserveCapacity(indices.count * indices.count)
    for i in indices {
      let row = i * columns
      for j in indices { result.append(elements[row + j]) }
    }
    return Matrix(rows: indices.count, columns: indices.count, elements: result)
  }

  /// Copies the upper triangle into the lower one.
  ///
  /// - Precondition: The matrix is square.
  public mutating func mirrorUpperTriangle() {
    precondition(rows == columns, "a \(rows) × \(columns) matrix has no triangles")
    // In blocks, because a column of a large matrix touches a page per element.
    let n = rows
    let block = 32
    elements.withUnsafeMutableBufferPointer { a in
      for top in stride(from: 0, to: n, by: block) {
        for left in stride(from: 0, through: top, by: block) {
          for i in top..<min(top + block, n) {
            for j in left..<min(left + block, i) { a[i * n + j] = a[j * n + i] }
          }
        }
      }
    }
  }
}
