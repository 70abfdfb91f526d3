import CTileProducts

/// Tall rows laid out for products with each other: slices of 256 columns, one after the other.
///
/// Products of sliced matrices are summed in `Double` and are defined bit by bit:
///
///     (X Yᵀ)_ij = Σ_slices chain_ij      chain = fma(x_k, y_k, …) from the slice's first column on
///
/// where the chain is in the elements' precision and slices are added in order. The result
/// therefore depends on no instruction set, library, number of threads or grouping of rows.
public struct SlicedMatrix<Element: SlicedElement>: Sendable {
  public let rows: Int
  public let columns: Int
  /// How many rows have been appended.
  public private(set) var filled = 0
  /// `[slices, rows, 256]`, and a margin that kernels read and ignore.
  private var storage: [Element]

  private var slices: Int { (columns + espalier_slice - 1) / espalier_slice }

  /// A matrix whose rows are yet to be appended.
  public init(rows: Int, columns: Int) {
    precondition(rows > 0 && columns > 0, "a sliced matrix of \(rows) × \(columns)")
    self.rows = rows
    self.columns = columns
    let slices = (columns + espalier_slice - 1) / espalier_slice
    let count = slices * rows * espalier_slice + espalier_slice_margin
    // Left as it is found: every row is written before the first product, the margin is ignored.
    storage = [Element](unsafeUninitializedCapacity: count) { $1 = count }
  }

  /// The bytes that it takes.
  public var byteCount: Int { storage.count * MemoryLayout<Element>.size }

  /// Appends rows, less a centre.
  ///
  /// - Parameters:
  ///   - elements: Rows of ``columns`` numbers.
  ///   - centre: Numbers that are subtracted, each from as many columns in turn; or none.
  public mutating func append(_ elements: [Element], centre: [Element] = []) {
    let count = elements.count / columns
    precondition(
      elements.count == count * columns && filled + count <= rows
        && (centre.isEmpty || columns.isMultiple(of: centre.count)),
      """
      \(elements.count) elements and a centre of \(centre.count) for a matrix of \
      \(rows) × \(columns) with \(filled) rows
      """)
    let (first, all) = (filled, rows)
    storage.withUnsafeMutableBufferPointer { storage in
      Element.slice(
        elements, rows: count, columns: columns, centre: centre, first: first, all: all,
        into: storage)
    }
    filled += count
  }

  /// A row, less its centre.
  public func row(_ row: Int) -> [Element] {
    precondition(row < filled, "row \(row) of \(filled)")
    return stride(from: 0, to: columns, by: espalier_slice).flatMap { start in
      let place = (start / espalier_slice * rows + row) * espalier_slice
      return storage[place..<place + min(espalier_slice, columns - start)]
    }
  }

  /// X Yᵀ, `[X.rows, Y.rows]`.
  ///
  /// - Precondition: Both matrices are full and have as many columns.
  public static func product(_ x: Self, _ y: Self) -> Matrix {
    precondition(
      x.columns == y.columns && x.filled == x.rows && y.filled == y.rows,
      """
      a product of \(x.rows) × \(x.columns) by \(y.rows) × \(y.columns), of which \(x.filled) and \
      \(y.filled) rows are there
      """)
    var product = Matrix(rows: x.rows, columns: y.rows)
    Element.addProduct(
      x.storage, rows: x.rows, y.storage, rows: y.rows, slices: x.slices, into: &product.elements)
    return product
  }

  /// X Xᵀ for half of the work; symmetric bit for bit.
  public var gram: Matrix {
    precondition(filled == rows, "a Gram matrix of \(filled) of \(rows) rows")
    var gram = Matrix(rows: rows, columns: rows)
    Element.addProduct(
      storage, rows: rows, nil, rows: rows, slices: slices, into: &gram.elements)
    gram.mirrorUpperTriangle()
    return gram
  }
}

extension SlicedMatrix<Float> {
  /// The diagonal of ``gram`` alone, the same bits.
  public var squares: [Double] {
    precondition(filled == rows, "squares of \(filled) of \(rows) rows")
    var squares = [Double](repeating: 0, count: rows)
    espalier_squares_f32(storage, rows, slices, &squares)
    return squares
  }
}

/// Which kernels the products of this process use: "avx512", "avx2" or "portable". For speed only.
public var slicedProductInstructions: String { String(cString: espalier_product_instructions()) }
