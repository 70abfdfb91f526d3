import Foundation

extension Matrix {
  /// The contents of a `.npy` file: float64, little-endian, `[rows, columns]` in C order.
  ///
  /// Reference: numpy.lib.format, version 1.0.
  public var npy: Data {
    let fields = "{'descr': '<f8', 'fortran_order': False, 'shape': (\(rows), \(columns)), }"
    // Magic, version and length take 10 bytes; the numbers start at a multiple of 64.
    let padding = 63 - (10 + fields.utf8.count) % 64
    let header = fields + String(repeating: " ", count: padding) + "\n"
    var data = Data([0x93]) + Data("NUMPY".utf8) + Data([1, 0])
    withUnsafeBytes(of: UInt16(header.utf8.count).littleEndian) { data.append(contentsOf: $0) }
    data.append(contentsOf: header.utf8)
    elements.map(\.bitPattern.littleEndian).withUnsafeBytes { data.append(contentsOf: $0) }
    return data
  }
}
