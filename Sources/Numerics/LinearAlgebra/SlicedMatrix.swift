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
  private var storage: SlicedStorage<Element>

  private var slices: Int { (columns + espalier_slice - 1) / espalier_slice }

  /// A matrix whose rows are yet to be appended.
  public init(rows: Int, columns: Int) {
    precondition(rows > 0 && columns > 0, "a sliced matrix of \(rows) × \(columns)")
    self.rows = rows
    self.columns = columns
    // Left as it is found: every row is written before the first product, the margin is ignored.
    storage = SlicedStorage(count: SlicedStorage<Element>.count(rows: rows, columns: columns))
  }

  /// A matrix in a part of some pages, with its first `filled` rows there already.
  ///
  /// - Parameter offset: Where it starts, a multiple of ``PageMemory/pageSize``; it takes
  ///   ``byteCount(rows:columns:)`` bytes.
  public init(rows: Int, columns: Int, in pages: PageMemory, at offset: Int, filled: Int) {
    precondition(
      rows > 0 && columns > 0 && (0...rows).contains(filled),
      "a sliced matrix of \(rows) × \(columns), \(filled) rows filled")
    self.rows = rows
    self.columns = columns
    self.filled = filled
    storage = SlicedStorage(
      count: SlicedStorage<Element>.count(rows: rows, columns: columns), in: pages, at: offset)
  }

  /// The bytes that a matrix takes, in whole pages.
  public static func byteCount(rows: Int, columns: Int) -> Int {
    PageMemory.wholePages(
      SlicedStorage<Element>.count(rows: rows, columns: columns) * MemoryLayout<Element>.stride)
  }

  /// The bytes that it takes.
  public var byteCount: Int { Self.byteCount(rows: rows, columns: columns) }

  /// Appends rows, less a centre.
  ///
  /// - Parameters:
  ///   - elements: Rows of ``columns`` numbers.
  ///   - centre: Numbers that are subtracted, each from as many columns in turn; or none.
  public mutating func append(_ elements: [Element], centre: [Element] = []) {
    if !isKnownUniquelyReferenced(&storage) { storage = storage.copy() }
    write(elements, at: filled, centre: centre)
    filled += elements.count / columns
  }

  /// Writes rows into the memory that this matrix shares with its copies, and counts none of them.
  ///
  /// Several threads may write at a time, each its own rows.
  public func write(_ elements: [Element], at first: Int, centre: [Element] = []) {
    let count = elements.count / columns
    precondition(
      elements.count == count * columns && first >= 0 && first + count <= rows
        && (centre.isEmpty || columns.isMultiple(of: centre.count)),
      """
      \(elements.count) elements and a centre of \(centre.count) for a matrix of \
      \(rows) × \(columns) from row \(first) on
      """)
    Element.slice(
      elements, rows: count, columns: columns, centre: centre, first: first, all: rows,
      into: storage.base)
  }

  /// Counts all rows as there: they were written one by one.
  public mutating func fill() { filled = rows }

  /// Takes memory that another process lends out of this process's account.
  public func forget() { storage.forget() }

  /// A row, less its centre.
  public func row(_ row: Int) -> [Element] {
    precondition(row < filled, "row \(row) of \(filled)")
    return stride(from: 0, to: columns, by: espalier_slice).flatMap { start in
      let place = (start / espalier_slice * rows + row) * espalier_slice
      return UnsafeBufferPointer(
        start: storage.base + place, count: min(espalier_slice, columns - start))
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
      x.storage.base, rows: x.rows, y.storage.base, rows: y.rows, slices: x.slices,
      into: &product.elements)
    withExtendedLifetime((x, y)) {}
    return product
  }

  /// X Xᵀ for half of the work; symmetric bit for bit.
  public var gram: Matrix {
    precondition(filled == rows, "a Gram matrix of \(filled) of \(rows) rows")
    var gram = Matrix(rows: rows, columns: rows)
    Element.addProduct(
      storage.base, rows: rows, nil, rows: rows, slices: slices, into: &gram.elements)
    withExtendedLifetime(storage) {}
    gram.mirrorUpperTriangle()
    return gram
  }
}

extension SlicedMatrix<Float> {
  /// The diagonal of ``gram`` alone, the same bits.
  public var squares: [Double] {
    precondition(filled == rows, "squares of \(filled) of \(rows) rows")
    var squares = [Double](repeating: 0, count: rows)
    espalier_squares_f32(storage.base, rows, slices, &squares)
    withExtendedLifetime(storage) {}
    return squares
  }
}
