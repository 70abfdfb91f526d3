import CKernels

/// Tall rows laid out for products with each other: slices of columns, one after the other, in which
/// four rows, a quad, take turns of 16 bytes.
///
/// Products of sliced matrices are summed in `Double` and are defined bit by bit:
///
///     (X Yᵀ)_ij = Σ_slices (chain_0 + chain_2) + (chain_1 + chain_3)
///     chain_l = fma(x_k, y_k, …) over the columns k = l, l + 4, … of the slice
///
/// where chains are in the elements' precision (of `Double` there are two, of every second column,
/// added as 0 + 1) and slices are added in order. The result therefore depends on no instruction set, library, number of threads
/// or grouping of rows.
public struct SlicedMatrix<Element: SlicedElement>: Sendable {
  public let rows: Int
  public private(set) var columns: Int
  /// How many rows have been appended.
  public private(set) var filled = 0
  /// `[slices, quads, columns of a slice / chains, 4, chains]`.
  private var storage: SlicedStorage<Element>

  /// Columns of a slice.
  public static var sliceWidth: Int { Element.sliceWidth }

  private var slices: Int { Self.slices(columns) }
  private static func slices(_ columns: Int) -> Int {
    (columns + sliceWidth - 1) / sliceWidth
  }

  /// Rows that there is memory for: whole quads.
  private static func padded(_ rows: Int) -> Int {
    (rows + espalier_slice_rows - 1) / espalier_slice_rows * espalier_slice_rows
  }

  /// A matrix whose rows are yet to be appended.
  ///
  /// - Parameter memory: ``byteCount(rows:columns:)`` bytes at a multiple of 64; nil for its own.
  public init(rows: Int, columns: Int, in memory: LentMemory? = nil) {
    precondition(rows > 0 && columns > 0, "a sliced matrix of \(rows) × \(columns)")
    self.rows = rows
    self.columns = columns
    // Left as it is found: every row is written before the first product.
    storage = SlicedStorage(count: Self.count(rows, columns), in: memory)
  }

  /// Bytes that a matrix takes.
  public static func byteCount(rows: Int, columns: Int) -> Int {
    count(rows, columns) * MemoryLayout<Element>.stride
  }

  /// Columns that there is memory for.
  public var capacity: Int { storage.count / Self.padded(rows) }

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
    slices(columns) * padded(rows) * sliceWidth
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
  public func write(
    _ elements: [Element], width: Int? = nil, from column: Int = 0, at first: Int,
    centre: [Element] = []
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
    Element.slice(
      elements, width: width, columns: column..<column + columns, centre: centre,
      first: first, all: rows, into: storage.base)
  }

  /// Counts all rows as there: they were written one by one.
  public mutating func fill() { filled = rows }

  /// A row, less its centre.
  public func row(_ row: Int) -> [Element] {
    precondition(row < filled, "row \(row) of \(filled)")
    let chains = 16 / MemoryLayout<Element>.stride
    let (quad, place) = row.quotientAndRemainder(dividingBy: espalier_slice_rows)
    return (0..<columns).map { column in
      let slice = column / Self.sliceWidth
      let start = slice * Self.padded(rows) + quad * espalier_slice_rows
      let (part, chain) = (column % Self.sliceWidth).quotientAndRemainder(dividingBy: chains)
      return storage.base[
        start * Self.sliceWidth + (part * espalier_slice_rows + place) * chains + chain]
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
    Element.addSquares(storage.base, rows: rows, slices: slices, into: &squares)
    withExtendedLifetime(storage) {}
  }
}
