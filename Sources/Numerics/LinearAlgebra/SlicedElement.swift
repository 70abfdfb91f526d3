import CKernels

/// A number that ``SlicedMatrix`` can hold.
public protocol SlicedElement: BinaryFloatingPoint, Sendable {
  /// Columns of a slice of a ``SlicedMatrix``.
  static var sliceWidth: Int { get }
  /// Copies some columns of rows of `width` numbers, less a centre, behind `first` of `all` rows.
  static func slice(
    _ elements: [Self], width: Int, columns: Range<Int>, centre: [Self], first: Int, all: Int,
    into storage: UnsafeMutablePointer<Self>)
  /// c += x yᵀ, or the upper triangle of x xᵀ without a `y`.
  static func addProduct(
    _ x: UnsafePointer<Self>, rows m: Int, _ y: UnsafePointer<Self>?, rows n: Int, slices: Int,
    into c: inout [Double])
  /// c += the diagonal of x xᵀ.
  static func addSquares(
    _ x: UnsafePointer<Self>, rows m: Int, slices: Int, into c: inout [Double])
}

extension Float: SlicedElement {
  public static var sliceWidth: Int { Int(espalier_slice_f32_columns) }

  public static func slice(
    _ elements: [Float], width: Int, columns: Range<Int>, centre: [Float], first: Int, all: Int,
    into storage: UnsafeMutablePointer<Float>
  ) {
    espalier_slice_f32(
      elements, elements.count / width, width, columns.lowerBound, columns.upperBound, centre,
      centre.count, first, all, storage)
  }

  public static func addProduct(
    _ x: UnsafePointer<Float>, rows m: Int, _ y: UnsafePointer<Float>?, rows n: Int, slices: Int,
    into c: inout [Double]
  ) {
    espalier_product_f32(x, m, y, n, slices, &c, n)
  }

  public static func addSquares(
    _ x: UnsafePointer<Float>, rows m: Int, slices: Int, into c: inout [Double]
  ) {
    espalier_squares_f32(x, m, slices, &c)
  }
}

extension Double: SlicedElement {
  public static var sliceWidth: Int { Int(espalier_slice_f64_columns) }

  public static func slice(
    _ elements: [Double], width: Int, columns: Range<Int>, centre: [Double], first: Int, all: Int,
    into storage: UnsafeMutablePointer<Double>
  ) {
    espalier_slice_f64(
      elements, elements.count / width, width, columns.lowerBound, columns.upperBound, centre,
      centre.count, first, all, storage)
  }

  public static func addProduct(
    _ x: UnsafePointer<Double>, rows m: Int, _ y: UnsafePointer<Double>?, rows n: Int, slices: Int,
    into c: inout [Double]
  ) {
    espalier_product_f64(x, m, y, n, slices, &c, n)
  }

  public static func addSquares(
    _ x: UnsafePointer<Double>, rows m: Int, slices: Int, into c: inout [Double]
  ) {
    espalier_squares_f64(x, m, slices, &c)
  }
}
