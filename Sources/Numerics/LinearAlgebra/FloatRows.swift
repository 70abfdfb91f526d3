import CKernels
import COpenBLAS

/// Rows of single-precision numbers, for the large sums of statistics: what belongs to one observation
/// lies side by side, and sums over observations are products of columns.
public struct FloatRows: Sendable {
  /// `[rows, rowLength]`.
  public var elements: [Float]
  /// Numbers of a row.
  public let columns: Int
  /// From one row to the next: whole vectors, and not so many that rows fall into the same lines of a
  /// cache.
  public let rowLength: Int

  /// - Parameter value: Of all elements, those between the rows, too.
  public init(rows: Int, columns: Int, repeating value: Float) {
    self.columns = columns
    let vectors = (columns + Self.lanes - 1) / Self.lanes
    rowLength = Self.lanes * (vectors.isMultiple(of: 4) ? vectors + 1 : vectors)
    elements = [Float](repeating: value, count: rows * rowLength)
  }

  /// Of the widest vectors.
  private static let lanes = 16

  public var rows: Int { elements.count / max(rowLength, 1) }

  /// The first rows' columns multiplied by each other: the upper triangle of xᵀ x, half of the work.
  ///
  /// - Parameters:
  ///   - c: `[count, count]`; what is below its diagonal is left.
  ///   - adding: Whether c is added to or overwritten.
  public func writeUpperGram(
    ofFirstColumns count: Int, rows: Int, adding: Bool = false, into c: inout [Float]
  ) {
    precondition(
      count <= columns && rows <= self.rows && c.count == count * count,
      "\(count) of \(columns) columns, \(rows) of \(self.rows) rows into \(c.count) elements")
    OpenBLAS.call {
      cblas_ssyrk(
        CblasRowMajor, CblasUpper, CblasTrans, Int32(count), Int32(rows), 1, elements,
        Int32(rowLength), adding ? 1 : 0, &c, Int32(count))
    }
  }

  /// Some columns multiplied by the first ones of others, over the first rows: xᵀ y.
  ///
  /// - Parameter c: `[xs, ys]`, overwritten.
  public func writeProduct(
    of xs: Range<Int>, byFirstColumns ys: Int, of y: FloatRows, rows: Int, into c: inout [Float]
  ) {
    precondition(
      xs.upperBound <= columns && ys <= y.columns && rows <= min(self.rows, y.rows)
        && c.count == xs.count * ys,
      "columns \(xs) of \(columns), \(ys) of \(y.columns), \(rows) rows into \(c.count) elements")
    elements.withUnsafeBufferPointer { x in
      guard let x = x.baseAddress else { return }
      OpenBLAS.call {
        cblas_sgemm(
          CblasRowMajor, CblasTrans, CblasNoTrans, Int32(xs.count), Int32(ys), Int32(rows), 1,
          x + xs.lowerBound, Int32(rowLength), y.elements, Int32(y.rowLength), 0, &c, Int32(ys))
      }
    }
  }

  /// The first columns of the first rows multiplied by a matrix: x w.
  ///
  /// - Parameters:
  ///   - w: `[count, result.columns]`, row-major.
  ///   - result: Whose first rows are overwritten.
  public func multiplyFirstColumns(
    _ count: Int, by w: [Float], rows: Int, into result: inout FloatRows
  ) {
    precondition(
      count <= columns && w.count == count * result.columns && rows <= min(self.rows, result.rows),
      "\(count) of \(columns) columns by \(w.count) elements, \(rows) rows")
    let (outputs, apart) = (result.columns, result.rowLength)
    OpenBLAS.call {
      cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(rows), Int32(outputs), Int32(count), 1,
        elements, Int32(rowLength), w, Int32(outputs), 0, &result.elements, Int32(apart))
    }
  }

  /// Subtracts from the first columns of the first rows an element of `centre` each.
  public mutating func subtract(_ centre: [Float], rows: Int) {
    precondition(centre.count <= columns && rows <= self.rows)
    espalier_subtract(&elements, rows, rowLength, centre, centre.count)
  }

  /// Adds some rows' columns to a sum of each.
  public func addRows(_ rows: Range<Int>, columns: Range<Int>, to sums: inout [Double]) {
    precondition(rows.upperBound <= self.rows && columns.upperBound <= self.columns)
    precondition(sums.count == columns.count)
    elements.withUnsafeBufferPointer { elements in
      guard let first = elements.baseAddress else { return }
      espalier_add_rows(
        first + (rows.lowerBound * rowLength + columns.lowerBound), rows.count, rowLength,
        columns.count, &sums)
    }
  }

  /// Writes the sum of some rows' first columns, times a factor, into another row.
  public mutating func writeSum(
    of rows: Range<Int>, firstColumns count: Int, times factor: Float, into row: Int
  ) {
    precondition(rows.upperBound <= row && row < self.rows && count <= columns)
    let rowLength = rowLength
    elements.withUnsafeMutableBufferPointer { elements in
      guard let first = elements.baseAddress else { return }
      espalier_sum_rows(
        first + rows.lowerBound * rowLength, rows.count, rowLength, count, factor,
        first + row * rowLength)
    }
  }
}

extension [Double] {
  /// Adds an element to each.
  public mutating func add(_ other: [Float]) {
    precondition(count == other.count, "\(other.count) elements added to \(count)")
    espalier_add(other, count, &self)
  }
}
