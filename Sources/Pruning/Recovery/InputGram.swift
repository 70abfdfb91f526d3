import Foundation
import LinearAlgebra

/// The second moments of a consumer's unfolded input: H = Σ u uᵀ and Σ u over n positions.
///
/// Sufficient for every least-squares fit to the layer's own output, and additive over samples.
public struct InputGram: Sendable, Hashable {
  /// The length of u.
  public let columns: Int
  /// Every how many-th output position was taken.
  public let positionStride: Int
  /// n.
  public internal(set) var positions: Int
  /// Σ u.
  public internal(set) var sums: [Double]
  /// The upper triangle of Σ u uᵀ by rows.
  public internal(set) var products: [Double]

  /// The moments of no positions.
  public init(columns: Int, positionStride: Int = 1) {
    precondition(columns > 0 && positionStride > 0, "\(columns) columns, stride \(positionStride)")
    self.columns = columns
    self.positionStride = positionStride
    positions = 0
    sums = Array(repeating: 0, count: columns)
    products = Array(repeating: 0, count: columns * (columns + 1) / 2)
  }

  /// Adds the moments of other samples.
  ///
  /// Floating-point addition is not associative: add shards in their order.
  ///
  /// - Throws: ``RecoveryError`` with `shapeMismatch` for other columns or another stride.
  public mutating func add(_ other: InputGram) throws {
    guard columns == other.columns, positionStride == other.positionStride else {
      throw RecoveryError(
        .shapeMismatch,
        """
        moments of \(other.columns) columns at stride \(other.positionStride) added to ones of \
        \(columns) at \(positionStride)
        """)
    }
    positions += other.positions
    for index in sums.indices { sums[index] += other.sums[index] }
    for index in products.indices { products[index] += other.products[index] }
  }

  /// μ; zeros if there are no positions.
  public var mean: [Double] { sums.map { $0 / Double(max(positions, 1)) } }

  /// H, or H − n μ μᵀ, with both triangles.
  public func matrix(centred: Bool) -> Matrix {
    var matrix = Matrix(rows: columns, columns: columns)
    let mean = mean
    var position = 0
    for i in 0..<columns {
      let shift = centred ? sums[i] : 0
      for j in i..<columns {
        matrix.elements[i * columns + j] = products[position] - shift * mean[j]
        position += 1
      }
    }
    matrix.mirrorUpperTriangle()
    return matrix
  }

  /// The diagonal of H.
  var squares: [Double] {
    var position = 0
    return (0..<columns).map { i in
      defer { position += columns - i }
      return products[position]
    }
  }
}

extension InputGram {
  private static let kind = "EIGM"
  private static let version: UInt32 = 1

  /// The moments as a compact little-endian record.
  public func encoded() -> Data {
    var writer = RecordWriter(kind: Self.kind, version: Self.version)
    for number in [columns, positionStride, positions] { writer.write(number) }
    writer.write(sums)
    writer.write(products)
    return writer.data
  }

  /// Reads a record.
  ///
  /// - Throws: ``RecoveryError`` with `corrupted`.
  public init(decoding data: Data) throws {
    self = try decodingRecord("input moments") {
      var reader = try RecordReader(data, kind: Self.kind, version: Self.version)
      // A count larger than the record itself would only ask for memory.
      var gram = InputGram(
        emptyOf: try reader.integer(in: 1...min(data.count, 1 << 20)),
        positionStride: try reader.integer(in: 1...Int(Int32.max)))
      gram.positions = try reader.integer(in: 0...Int.max)
      gram.sums = try reader.doubles(gram.columns)
      gram.products = try reader.doubles(gram.columns * (gram.columns + 1) / 2)
      try reader.finish()
      return gram
    }
  }

  /// Leaves the arrays to the reader.
  private init(emptyOf columns: Int, positionStride: Int) {
    self.columns = columns
    self.positionStride = positionStride
    (positions, sums, products) = (0, [], [])
  }
}

/// Runs `body`, and says of bytes that are no record that they are no `what`.
func decodingRecord<Result>(_ what: String, _ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let error as LinearAlgebraError {
    throw RecoveryError(.corrupted, "\(what): \(error.message)")
  }
}
