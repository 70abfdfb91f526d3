import Foundation
import Quantities
import Yams

/// Walks a catalogue's nodes and gathers faults on the way, so that one run names them all.
struct DeviceCatalogueReader {
  private(set) var faults: [DeviceCatalogueError.Fault] = []
  /// Where paths begin; nil for the working directory.
  let folder: URL?
  /// The paths of tables that were read.
  var tables: Set<String> = []
  /// The line of every name met so far.
  private var lines: [String: Int] = [:]

  init(folder: URL? = nil) {
    self.folder = folder
  }

  private enum Key {
    static let catalogue = ["version", "devices"]
    static let device = [
      "name", "class", "budgets", "channel_multiple", "minimum_keep_ratio", "weight_bits", "widths",
      "latency_table", "roofline", "latency_margin", "description", "source",
    ]
    static let budgets = BudgetResource.allCases.map(\.rawValue)
  }

  mutating func devices(in root: Node?) -> [DeviceProfile] {
    guard let root, let mapping = root.mapping else {
      fault(root, "a catalogue starts with 'version: 1' and a list of 'devices'")
      return []
    }
    guard hasKnownVersion(mapping, at: root) else { return [] }
    checkKeys(of: mapping, in: Key.catalogue, place: "a catalogue")
    guard let list = mapping["devices"] else {
      fault(root, "the list 'devices' is missing; add it with at least one device")
      return []
    }
    guard let devices = list.sequence, !devices.isEmpty else {
      fault(list, "'devices' is no list with at least one device; write '- name: …' below it")
      return []
    }
    return devices.compactMap { device(in: $0) }
  }

  /// Whether it makes sense to read on: a later version's faults would be misleading.
  private mutating func hasKnownVersion(_ mapping: Node.Mapping, at root: Node) -> Bool {
    guard let node = mapping["version"] else {
      fault(root, "the version is missing; begin with 'version: \(DeviceCatalogue.version)'")
      return true
    }
    guard node.scalar?.string == "\(DeviceCatalogue.version)" else {
      fault(
        node, "version \(node.shown) is not known here; write '\(DeviceCatalogue.version)'")
      return false
    }
    return true
  }

  private mutating func device(in node: Node) -> DeviceProfile? {
    guard let mapping = node.mapping else {
      fault(node, "\(node.shown) is no device; write '- name: …' with its budgets")
      return nil
    }
    let faultsBefore = faults.count
    checkKeys(of: mapping, in: Key.device, place: "a device")
    let name = name(of: mapping, at: node)
    let multiples = channelMultiples(mapping["channel_multiple"])
    let ratio = minimumKeepRatio(mapping["minimum_keep_ratio"])
    let budgets = budgets(of: mapping, at: node, device: name)
    let bits = weightBits(mapping["weight_bits"], budgets: budgets)
    let rules = widthRules(
      mapping["widths"],
      multiples: multiples.byOperator.isEmpty
        ? [multiples.all] : multiples.byOperator.map(\.multiple) + [multiples.all])
    let latency = latency(of: mapping, budgets: budgets)
    let deviceClass = text("class", of: mapping) ?? "other"
    let summary = text("description", of: mapping)
    let source = text("source", of: mapping)
    guard faults.count == faultsBefore, let name else { return nil }
    return DeviceProfile(
      name: name, deviceClass: deviceClass, budgets: budgets, channelMultiple: multiples.all,
      operatorMultiples: multiples.byOperator, minimumKeepRatio: ratio, weightBits: bits,
      widthRules: rules, latencyTable: latency.table, roofline: latency.roofline,
      latencyMargin: latency.margin, summary: summary, source: source)
  }

  private mutating func name(of mapping: Node.Mapping, at node: Node) -> String? {
    guard mapping["name"] != nil else {
      fault(node, "this device has no name; add 'name: …'")
      return nil
    }
    guard let name = text("name", of: mapping), let place = mapping["name"] else { return nil }
    if let first = lines[name] {
      fault(place, "the name '\(name)' is taken by the device in line \(first); choose another")
    } else {
      lines[name] = line(of: place)
    }
    return name
  }

  /// The text under a key, where there is one; an empty one is a fault.
  mutating func text(_ key: String, of mapping: Node.Mapping) -> String? {
    guard let node = mapping[key] else { return nil }
    guard let text = node.scalar?.string, !text.allSatisfy(\.isWhitespace), text != "~" else {
      fault(node, "'\(key)' is no text; write some or leave the key out")
      return nil
    }
    return text
  }

  private mutating func minimumKeepRatio(_ node: Node?) -> Double {
    guard let node else { return DeviceProfile.defaultMinimumKeepRatio }
    let ratio = node.scalar.flatMap { Double($0.string) } ?? .nan
    guard ratio > 0, ratio <= 1 else {
      fault(node, "minimum_keep_ratio is \(node.shown); write a number above 0 up to 1, as 0.1")
      return DeviceProfile.defaultMinimumKeepRatio
    }
    return ratio
  }

  private mutating func budgets(
    of mapping: Node.Mapping, at device: Node, device name: String?
  ) -> [Budget] {
    let known = Key.budgets.joined(separator: ", ")
    let subject = name.map { "device '\($0)'" } ?? "this device"
    guard let node = mapping["budgets"] else {
      fault(device, "\(subject) has no budgets; add 'budgets: {macs: 50%}' (known: \(known))")
      return []
    }
    guard let entries = node.mapping, !entries.isEmpty else {
      fault(node, "the budgets of \(subject) limit nothing; write '{macs: 50%}' (known: \(known))")
      return []
    }
    checkKeys(of: entries, in: Key.budgets, place: "budgets")
    return BudgetResource.allCases.compactMap { resource in
      entries[resource.rawValue].flatMap { budget(on: resource, $0) }
    }
  }

  private mutating func budget(on resource: BudgetResource, _ node: Node) -> Budget? {
    let key = resource.rawValue
    guard let text = node.scalar?.string else {
      fault(node, "\(key) is \(node.shown); write an amount, as 60M or 50%")
      return nil
    }
    let amount: Amount
    do {
      amount = try Amount(parsing: text, as: resource.dimension)
    } catch {
      fault(node, "\(key): \(error.message)")
      return nil
    }
    switch amount {
    case .absolute(let value) where value < 1:
      fault(node, "\(key) is \(text), which nothing fits; write at least 1, or a share as 50%")
    case .share(let share) where share <= 0:
      fault(node, "\(key) is \(text), which nothing fits; write a share above 0%")
    case .share(let share) where share > 1:
      fault(node, "\(key) is \(text), which limits nothing; write at most 100%, or leave it out")
    case .absolute, .share:
      return Budget(resource: resource, amount: amount)
    }
    return nil
  }

  mutating func checkKeys(of mapping: Node.Mapping, in known: [String], place: String) {
    faults += mapping.unknownKeys(besides: known, of: place)
  }

  mutating func fault(_ node: Node?, _ message: String) {
    faults.append(.init(line: node.map(line) ?? 0, message: message))
  }

  func line(of node: Node) -> Int { node.mark?.line ?? 0 }
}
