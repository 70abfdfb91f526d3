import Foundation
import Yams

/// Latency tables as files.
///
///     version: 1
///     device: pixel-8
///     recorded: {backend: onednn 2.6.3, threads: "1"}
///     columns: [in, out, ms, spread]         # and mj
///     layers:
///       Conv 3x3 pad1x1 @32x32 +BatchNormalization+Relu:
///         - [16, 16, 0.0213, 0.0008]
///
/// Or as CSV, with a header `shape,in,out,ms,spread,mj`; the last two may be missing.
extension LatencyTable {
  public static let version = 1

  /// Reads a table; a file that ends in `.csv` as CSV.
  ///
  /// - Throws: ``DeviceCatalogueError`` with every fault and its line.
  public static func read(_ file: URL) throws(DeviceCatalogueError) -> LatencyTable {
    let text = try DeviceCatalogue.text(of: file, kind: "latency table")
    return try parse(text, file: file.path, isCSV: file.pathExtension.lowercased() == "csv")
  }

  public static func parse(
    _ text: String, file: String, isCSV: Bool = false
  ) throws(DeviceCatalogueError) -> LatencyTable {
    var reader = LatencyTableReader()
    let table: LatencyTable?
    if isCSV {
      table = reader.table(csv: text, device: URL(filePath: file).lastPathComponent)
    } else {
      table = reader.table(in: try DeviceCatalogue.root(of: text, file: file))
    }
    guard let table, reader.faults.isEmpty else {
      throw DeviceCatalogueError(
        code: .invalid, file: file, faults: reader.faults.sorted { $0.line < $1.line })
    }
    return table
  }

  /// The table as ``read(_:)`` reads it.
  public var yaml: String {
    let hasEnergy = layers.contains { $0.points.contains { $0.nanojoules != nil } }
    var lines = ["version: \(Self.version)", "device: \(Self.quoted(device))"]
    if !remarks.isEmpty {
      lines.append("recorded:")
      lines += remarks.map { "  \($0.key): \(Self.quoted($0.text))" }
    }
    lines.append("columns: [in, out, ms, spread\(hasEnergy ? ", mj" : "")]")
    lines.append("layers:")
    for layer in layers {
      lines.append("  \(Self.quoted(layer.shape)):")
      for point in layer.points {
        var row =
          "\(point.input), \(point.output), \(Self.millis(point.nanoseconds)), "
          + Self.millis(point.spread)
        if let energy = point.nanojoules { row += ", " + Self.millis(energy) }
        lines.append("    - [\(row)]")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A millionth, to a nanosecond or nanojoule.
  private static func millis(_ value: Double) -> String { String(format: "%.6f", value / 1e6) }

  private static func quoted(_ text: String) -> String {
    "'" + text.replacingOccurrences(of: "'", with: "''") + "'"
  }
}
