import CTileProducts

/// The rows of a sliced matrix turned into what products by them read, for those who multiply by them
/// more than once: a product alone turns them by itself.
public struct SlicedPanels: Sendable {
  public let rows: Int
  /// Columns of the matrix that was turned last.
  public private(set) var columns = 0
  /// `[slices, rows rounded up, 256]`.
  private let storage: SlicedStorage<Float>

  /// Room for matrices of so many rows, and columns at most.
  ///
  /// - Parameter memory: ``byteCount(rows:columns:)`` bytes at a multiple of 64; nil for its own.
  public init(rows: Int, columns: Int, in memory: LentMemory? = nil) {
    precondition(rows > 0 && columns > 0, "panels of \(rows) × \(columns)")
    self.rows = rows
    storage = SlicedStorage(count: Self.count(rows, columns), in: memory)
  }

  /// Bytes that panels take.
  public static func byteCount(rows: Int, columns: Int) -> Int {
    4 * count(rows, columns)
  }

  /// Numbers in memory.
  private static func count(_ rows: Int, _ columns: Int) -> Int {
    padded(rows) * slices(columns) * espalier_slice
  }

  /// Rows that there is memory for, of so many.
  private static func padded(_ rows: Int) -> Int {
    (rows + espalier_panel_rows - 1) / espalier_panel_rows * espalier_panel_rows
  }

  private static func slices(_ columns: Int) -> Int {
    (columns + espalier_slice - 1) / espalier_slice
  }

  /// Writes all rows of a matrix and turns them, slice by slice, so that what is turned is still near:
  /// in memory that both share with their copies. Several threads may, each a matrix and panels of its
  /// own.
  ///
  /// - Parameters:
  ///   - batches: Rows of `width` numbers, some after others.
  ///   - column: The first of the columns that are taken of each.
  ///   - centre: Numbers that are subtracted, each from as many of the `width` columns in turn; or none.
  ///   - matrix: Of as many rows, and columns, as these panels; it counts as filled.
  public func write(
    _ batches: [[Float]], width: Int, from column: Int, centre: [Float],
    through matrix: SlicedMatrix<Float>
  ) {
    precondition(
      matrix.rows == rows && matrix.filled == rows && matrix.columns == columns,
      "\(matrix.rows) × \(matrix.columns) for panels of \(rows) × \(columns)")
    for slice in 0..<matrix.slices {
      var row = 0
      for batch in batches {
        matrix.write(batch, width: width, from: column, at: row, centre: centre, slice: slice)
        row += batch.count / width
      }
      matrix.withRows(from: slice) {
        espalier_panels_f32($0, rows, 1, storage.base + slice * Self.padded(rows) * espalier_slice)
      }
    }
  }

  /// A matrix of so many columns was turned, or will be, into the memory of these panels.
  public mutating func wereTurned(columns: Int) {
    precondition(
      columns > 0 && Self.count(rows, columns) <= storage.count, "\(columns) columns in panels")
    self.columns = columns
  }

  /// Adds X Yᵀ to a matrix, Y being what was turned: the same bits as
  /// ``SlicedMatrix/addProduct(with:to:)``.
  ///
  /// - Parameter isSymmetric: Whether X is Y: then what is below the diagonal is undefined.
  public func addProduct(
    of x: SlicedMatrix<Float>, isSymmetric: Bool, to product: inout Matrix
  ) {
    precondition(
      x.columns == columns && x.filled == x.rows && product.rows == x.rows
        && product.columns == rows && (!isSymmetric || x.rows == rows),
      "\(x.rows) × \(x.columns) by \(rows) × \(columns) for \(product.rows) × \(product.columns)")
    let (rows, slices) = (product.rows, Self.slices(columns))
    x.withRows {
      espalier_product_panels_f32(
        $0, rows, storage.base, self.rows, isSymmetric, slices, &product.elements, self.rows)
    }
    withExtendedLifetime(storage) {}
  }
}
