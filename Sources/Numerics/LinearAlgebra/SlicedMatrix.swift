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
  public private(set) var columns: Int
  /// How many rows have been appended.
  public private(set) var filled = 0
  /// `[slices, rows, 256]`, and a margin that kernels read and ignore.
  private var storage: SlicedStorage<Element>

  /// Columns of a slice.
  public static var sliceWidth: Int { espalier_slice }

  var slices: Int { Self.slices(columns) }
  private static func slices(_ columns: Int) -> Int {
    (columns + espalier_slice - 1) / espalier_slice
  }

  /// A matrix whose rows are yet to be appended.
  ///
  /// - Parameter memory: ``byteCount(rows:columns:)`` bytes at a multiple of 64; nil for its own.
  public init(rows: Int, columns: Int, in memory: LentMemory? = nil) {
    precondition(rows > 0 && columns > 0, "a sliced matrix of \(rows) × \(columns)")
    self.rows = rows
    self.columns = columns
    // Left as it is found: every row is written before the first product, the margin is ignored.
    storage = SlicedStorage(count: Self.count(rows, columns), in: memory)
  }

  /// Bytes that a matrix takes.
  public static func byteCount(rows: Int, columns: Int) -> Int {
    count(rows, columns) * MemoryLayout<Element>.stride
  }

  /// Columns that there is memory for.
  public var capacity: Int { (storage.count - espalier_slice_margin) / rows }

  /// Takes the memory for as many rows of other columns, no more, which are yet to be written.
  public mutating func clear(columns: Int) {
    precondition(
      columns > 0 && columns <= capacity,
      "\(columns) columns in the memory of a smaller matrix")
    self.columns = columns
    filled = 0
  }

  /// Numbers in memory.
  private static func count(_ rows: Int, _ columns: Int) -> Int {
    slices(columns) * rows * espalier_slice + espalier_slice_margin
  }

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
  ///
  /// - Parameters:
  ///   - elements: Rows of `width` numbers; left out, of ``columns``.
  ///   - column: The first of the ``columns`` that are taken of each.
  ///   - centre: For rows of `width` numbers.
  ///   - slice: The only one to be written; nil for all.
  public func write(
    _ elements: [Element], width: Int? = nil, from column: Int = 0, at first: Int,
    centre: [Element] = [], slice: Int? = nil
  ) {
    let width = width ?? columns
    let count = elements.count / width
    precondition(
      elements.count == count * width && first >= 0 && first + count <= rows && column >= 0
        && column + columns <= width && (centre.isEmpty || width.isMultiple(of: centre.count)),
      """
      \(elements.count) elements in rows of \(width) from column \(column) on and a centre of \
      \(centre.count) for a matrix of \(rows) × \(columns) from row \(first) on
      """)
    let start = (slice ?? 0) * espalier_slice
    let end = min(columns, slice == nil ? columns : start + espalier_slice)
    Element.slice(
      elements, width: width, columns: column + start..<column + end, centre: centre,
      first: first, all: rows, into: storage.base + start * rows)
  }

  /// Counts all rows as there: they were written one by one.
  public mutating func fill() { filled = rows }

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
    var product = Matrix(rows: x.rows, columns: y.rows)
    x.addProduct(with: y, to: &product)
    return product
  }

  /// X Xᵀ for half of the work; symmetric bit for bit.
  public var gram: Matrix {
    var gram = Matrix(rows: rows, columns: rows)
    addProduct(with: nil, to: &gram)
    gram.mirrorUpperTriangle()
    return gram
  }

  /// Adds X Yᵀ to a matrix; without Y the upper triangle of X Xᵀ, what is below it undefined.
  ///
  /// Sums over bands of whole slices, in order, are the same bits as the product of all columns.
  public func addProduct(with y: Self?, to product: inout Matrix) {
    let other = y ?? self
    precondition(
      columns == other.columns && filled == rows && other.filled == other.rows
        && product.rows == rows && product.columns == other.rows,
      """
      a product of \(rows) × \(columns) by \(other.rows) × \(other.columns), of which \(filled) and \
      \(other.filled) rows are there, for \(product.rows) × \(product.columns)
      """)
    Element.addProduct(
      storage.base, rows: rows, y?.storage.base, rows: other.rows, slices: slices,
      into: &product.elements)
    withExtendedLifetime((self, y)) {}
  }

  func withRows(from slice: Int = 0, _ body: (UnsafePointer<Element>) -> Void) {
    body(storage.base + slice * rows * espalier_slice)
    withExtendedLifetime(storage) {}
  }
}

extension SlicedMatrix<Float> {
  /// The diagonal of ``gram`` alone, the same bits.
  public var squares: [Double] {
    var squares = [Double](repeating: 0, count: rows)
    addSquares(to: &squares)
    return squares
  }

  /// Adds ``squares`` to some numbers.
  public func addSquares(to squares: inout [Double]) {
    precondition(
      filled == rows && squares.count == rows,
      "squares of \(filled) of \(rows) rows for \(squares.count) numbers")
    espalier_squares_f32(storage.base, rows, slices, &squares)
    withExtendedLifetime(storage) {}
  }
}
