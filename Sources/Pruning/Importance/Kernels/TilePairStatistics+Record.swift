import Foundation
import LinearAlgebra

extension TilePairStatistics {
  private static let kind = "ETPS"
  private static let version: UInt32 = 2

  /// The statistics as a compact little-endian record.
  public func encoded() -> Data {
    var writer = RecordWriter(kind: Self.kind, version: Self.version)
    for number in [pair.first, pair.second, taps.count, rowSums.columns, columnSums.columns] {
      writer.write(number)
    }
    for tap in taps { writer.write(tap) }
    writer.write(products)
    for sums in [rowSums, columnSums, diagonals] { writer.write(sums.elements) }
    writer.write(indices: deadTaps)
    return writer.data
  }

  /// Reads a record.
  ///
  /// - Throws: ``ImportanceError`` with `corrupted`.
  public init(decoding data: Data) throws {
    do {
      try self.init(record: data)
    } catch let error as LinearAlgebraError {
      throw ImportanceError(.corrupted, "tile statistics: \(error.message)")
    }
  }

  private init(record data: Data) throws {
    // Any count larger than the record itself is a lie.
    let limit = data.count
    var reader = try RecordReader(data, kind: Self.kind, version: Self.version)
    let first = try reader.integer(in: 0...Int(Int32.max))
    let second = try reader.integer(in: first...Int(Int32.max))
    let pair = TilePair(first: first, second: second)
    let count = try reader.integer(in: 1...limit)
    let rows = try reader.integer(in: 1...limit)
    let columns = try reader.integer(in: (pair.isDiagonal ? 0...0 : 1...limit))
    let taps = try (0..<count).map { _ in try reader.text() }
    let products = try reader.doubles(count * (count + 1) / 2)
    func matrix(_ columns: Int) throws -> Matrix {
      let (size, overflows) = count.multipliedReportingOverflow(by: columns)
      return Matrix(
        rows: count, columns: columns, elements: try reader.doubles(overflows ? -1 : size))
    }
    self.init(
      pair: pair, taps: taps, products: products, rowSums: try matrix(rows),
      columnSums: try matrix(columns), diagonals: try matrix(pair.isDiagonal ? rows : 0),
      deadTaps: try reader.indices(below: count))
    try reader.finish()
    let numbers = [self.products, rowSums.elements, columnSums.elements, diagonals.elements]
    guard numbers.allSatisfy({ $0.allSatisfy(\.isFinite) }),
      deadTaps.isEmpty || pair.isDiagonal, deadTaps == Array(Set(deadTaps)).sorted()
    else {
      throw ImportanceError(.corrupted, "tile statistics of \(pair) have numbers out of range")
    }
  }
}
