import Foundation
import Quantities
import Yams

/// Where the times of layers come from.
extension DeviceCatalogueReader {
  /// The table's path, the peak rates, and the margin.
  mutating func latency(of mapping: Node.Mapping, budgets: [Budget]) -> (
    table: String?, roofline: Roofline?, margin: Double
  ) {
    let table = text("latency_table", of: mapping).map(path)
    if let table, let node = mapping["latency_table"] { check(table, node) }
    let roofline = mapping["roofline"].flatMap { self.roofline($0) }
    if let place = mapping["budgets"]?.mapping {
      if let node = place["latency"], mapping["latency_table"] == nil, mapping["roofline"] == nil {
        fault(
          node,
          "latency is limited, but nothing says how long layers take; add 'latency_table: file.yaml' "
            + "(`espalier profile` makes one) or a 'roofline'")
      }
      if let node = place["energy"], mapping["latency_table"] == nil {
        fault(node, "energy is limited, but there is no 'latency_table' with energies; add one")
      }
    }
    return (table, roofline, margin(mapping["latency_margin"], budgets: budgets))
  }

  private func path(_ text: String) -> String {
    guard let folder, !text.hasPrefix("/") else { return text }
    return folder.appending(path: text).standardizedFileURL.path
  }

  /// Names the table's own faults, with their lines.
  private mutating func check(_ table: String, _ node: Node) {
    guard tables.insert(table).inserted else { return }
    do {
      _ = try LatencyTable.read(URL(filePath: table))
    } catch {
      for line in error.message.split(separator: "\n") { fault(node, "latency_table: \(line)") }
    }
  }

  private mutating func margin(_ node: Node?, budgets: [Budget]) -> Double {
    guard let node else { return DeviceProfile.defaultLatencyMargin }
    let text = node.scalar?.string ?? ""
    guard case .share(let share)? = try? Amount(parsing: text, as: .count), share < 1 else {
      fault(node, "latency_margin is \(node.shown); write a share below 100%, as 5%")
      return DeviceProfile.defaultLatencyMargin
    }
    if !budgets.contains(where: \.resource.isTabulated) {
      fault(
        node,
        "latency_margin changes nothing without a budget of latency or energy; add one or "
          + "leave it out")
    }
    return share
  }

  /// `roofline: {macs_per_second: 20G, bytes_per_second: 10GB, layer_overhead: 5us}`.
  private mutating func roofline(_ node: Node) -> Roofline? {
    guard let mapping = node.mapping else {
      fault(
        node,
        "'roofline' is \(node.shown); write {macs_per_second: 20G, bytes_per_second: 10GB}")
      return nil
    }
    let keys = ["macs_per_second", "bytes_per_second", "layer_overhead"]
    checkKeys(of: mapping, in: keys, place: "a roofline")
    let macs = rate("macs_per_second", .count, of: mapping, at: node)
    let bytes = rate("bytes_per_second", .bytes, of: mapping, at: node)
    let overhead = mapping["layer_overhead"].map { amount($0, "layer_overhead", .time) } ?? 0
    guard let macs, let bytes, let overhead else { return nil }
    return Roofline(macsPerSecond: macs, bytesPerSecond: bytes, layerOverhead: overhead)
  }

  private mutating func rate(
    _ key: String, _ dimension: Amount.Dimension, of mapping: Node.Mapping, at roofline: Node
  ) -> Double? {
    guard let node = mapping[key] else {
      fault(roofline, "the roofline has no \(key); add it, as \(key): 20G")
      return nil
    }
    guard let value = amount(node, key, dimension) else { return nil }
    guard value > 0 else {
      fault(node, "\(key) is \(node.shown); write a rate above 0")
      return nil
    }
    return value
  }

  private mutating func amount(_ node: Node, _ key: String, _ dimension: Amount.Dimension)
    -> Double?
  {
    do {
      if case .absolute(let value) = try Amount(
        parsing: node.scalar?.string ?? "", as: dimension)
      {
        return value
      }
      fault(node, "\(key) is \(node.shown), a share of nothing; write an amount")
    } catch {
      fault(node, "\(key): \(error.message)")
    }
    return nil
  }
}
