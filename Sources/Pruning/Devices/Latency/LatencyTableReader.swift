import Foundation
import Yams

/// Reads latency tables and gathers their faults.
struct LatencyTableReader {
  private(set) var faults: [DeviceCatalogueError.Fault] = []
  /// Points by shape, with the line of each.
  private var points: [String: [(point: LatencyTable.Point, line: Int)]] = [:]

  private static let columns = ["in", "out", "ms", "spread", "mj"]

  /// A table of YAML.
  mutating func table(in root: Node?) -> LatencyTable? {
    guard let root, let mapping = root.mapping else {
      fault(0, "a latency table starts with 'version: 1' and has 'columns' and 'layers'")
      return nil
    }
    guard mapping["version"]?.scalar?.string == "\(LatencyTable.version)" else {
      fault(line(root), "begin with 'version: \(LatencyTable.version)', the one known here")
      return nil
    }
    let known = ["version", "device", "recorded", "columns", "layers"]
    faults += mapping.unknownKeys(besides: known, of: "a latency table")
    guard let names = mapping["columns"]?.sequence?.map({ $0.scalar?.string ?? "" }),
      let columns = columns(names, line: mapping["columns"].map(line) ?? 0)
    else {
      if faults.isEmpty { fault(line(root), "'columns' is missing; write [in, out, ms, spread]") }
      return nil
    }
    guard let layers = mapping["layers"]?.mapping, !layers.isEmpty else {
      fault(
        mapping["layers"].map(line) ?? line(root),
        "'layers' has no times; give every shape its rows, as '- [16, 16, 0.0213, 0.0008]'")
      return nil
    }
    for (key, rows) in layers { read(rows, of: key, columns: columns) }
    let remarks = (mapping["recorded"]?.mapping ?? [:]).map { key, value in
      LatencyTable.Remark(key.scalar?.string ?? "", value.scalar?.string ?? "")
    }
    return finished(
      device: mapping["device"]?.scalar?.string ?? "unnamed", remarks: Array(remarks))
  }

  private mutating func read(_ rows: Node, of key: Node, columns: [Int]) {
    guard let shape = key.scalar?.string, let rows = rows.sequence, !rows.isEmpty else {
      fault(line(key), "'\(key.scalar?.string ?? "")' has no rows; write '- [16, 16, 0.0213]'")
      return
    }
    for row in rows {
      guard let cells = row.sequence else {
        fault(line(row), "this is no row of '\(shape)'; write [16, 16, 0.0213, 0.0008]")
        continue
      }
      add(cells.map { $0.scalar?.string ?? "" }, columns, to: shape, line: line(row))
    }
  }

  /// A table of comma-separated values; empty lines and those that begin with # are skipped.
  mutating func table(csv text: String, device: String) -> LatencyTable? {
    var columns: [Int]?
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (place, content) in lines.enumerated() {
      let cells = Self.cells(content)
      guard cells.contains(where: { !$0.isEmpty }), !content.hasPrefix("#") else { continue }
      guard let known = columns else {
        guard cells.first == "shape" else {
          fault(place + 1, "begin with the header shape,in,out,ms,spread,mj")
          return nil
        }
        columns = self.columns(Array(cells.dropFirst()), line: place + 1)
        if columns == nil { return nil }
        continue
      }
      guard !cells[0].isEmpty else {
        fault(place + 1, "this row has no shape")
        continue
      }
      add(Array(cells.dropFirst()), known, to: cells[0], line: place + 1)
    }
    if points.isEmpty, faults.isEmpty { fault(0, "there are no times; give every layer a row") }
    return finished(device: device, remarks: [])
  }

  /// Fields between commas; in quotes they may hold commas, and doubled quotes.
  private static func cells(_ line: Substring) -> [String] {
    var cells = [""]
    var isQuoted = false
    for character in line {
      switch character {
      case "\"": isQuoted.toggle()
      case "," where !isQuoted: cells.append("")
      default: cells[cells.count - 1].append(character)
      }
    }
    return cells.map { $0.trimmingCharacters(in: .whitespaces) }
  }

  /// The meaning of every column, as a place in `columns`.
  private mutating func columns(_ names: [String], line: Int) -> [Int]? {
    let places = names.map { Self.columns.firstIndex(of: $0) }
    if let unknown = places.firstIndex(of: nil) {
      fault(
        line, "'\(names[unknown])' is no column; known are \(Self.columns.joined(separator: ", "))")
      return nil
    }
    let found = places.compactMap(\.self)
    guard Set(found).count == found.count, Set(found).isSuperset(of: [0, 1, 2]) else {
      fault(line, "the columns in, out and ms must be there, each once")
      return nil
    }
    return found
  }

  private mutating func add(_ cells: [String], _ columns: [Int], to shape: String, line: Int) {
    var values = [Double?](repeating: nil, count: Self.columns.count)
    for (place, column) in columns.enumerated() {
      let text = place < cells.count ? cells[place] : ""
      let name = Self.columns[column]
      guard !text.isEmpty else {
        // Energies may be missing; without a spread none is known.
        if column < 3 { return fault(line, "a gap: '\(shape)' has no \(name) here; measure it") }
        continue
      }
      guard let value = Double(text), value.isFinite else {
        return fault(line, "\(name) is '\(text)', no number")
      }
      if column < 2 {
        guard value == value.rounded(), value >= 0, value < 1e9 else {
          return fault(line, "\(name) is \(text); write a whole number of channels")
        }
      } else if column == 2 ? value <= 0 : value < 0 {
        return fault(
          line, "\(name) is \(text); \(column == 2 ? "a time is above 0" : "write 0 or more")")
      }
      values[column] = value
    }
    guard cells.count <= columns.count else {
      return fault(line, "\(cells.count) values for \(columns.count) columns")
    }
    let point = LatencyTable.Point(
      input: Int(values[0] ?? 0), output: Int(values[1] ?? 0), nanoseconds: 1e6 * (values[2] ?? 0),
      spread: 1e6 * (values[3] ?? 0), nanojoules: values[4].map { 1e6 * $0 })
    let earlier = points[shape]?.first {
      $0.point.input == point.input && $0.point.output == point.output
    }
    if let earlier {
      return fault(
        line,
        "'\(shape)' has its time for \(point.input) → \(point.output) in line "
          + "\(earlier.line) already; keep one")
    }
    points[shape, default: []].append((point, line))
  }

  private func finished(device: String, remarks: [LatencyTable.Remark]) -> LatencyTable {
    LatencyTable(
      device: device, remarks: remarks,
      layers: points.map { .init(shape: $0, points: $1.map(\.point)) })
  }

  private mutating func fault(_ line: Int, _ message: String) {
    faults.append(.init(line: line, message: message))
  }

  private func line(_ node: Node) -> Int { node.mark?.line ?? 0 }
}
