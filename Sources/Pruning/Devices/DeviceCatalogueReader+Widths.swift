import Yams

/// Alignment, bits and rules for single groups.
extension DeviceCatalogueReader {
  private static let operators = AlignedOperator.allCases.map(\.rawValue)

  /// One multiple for all operators, or one for each with a `default`.
  mutating func channelMultiples(_ node: Node?) -> (all: Int, byOperator: [OperatorMultiple]) {
    guard let node else { return (1, []) }
    guard let mapping = node.mapping else { return (multiple(node, "channel_multiple"), []) }
    checkKeys(of: mapping, in: Self.operators + ["default"], place: "channel_multiple")
    let byOperator = AlignedOperator.allCases.compactMap { kind in
      mapping[kind.rawValue].map {
        OperatorMultiple(kind: kind, multiple: multiple($0, "channel_multiple of \(kind.rawValue)"))
      }
    }
    if byOperator.isEmpty {
      fault(
        node,
        "channel_multiple names no operator; write a number, or as {convolution: 8, default: 1}")
    }
    return (mapping["default"].map { multiple($0, "default") } ?? 1, byOperator)
  }

  private mutating func multiple(_ node: Node, _ name: String) -> Int {
    guard let multiple = node.scalar.flatMap({ Int($0.string) }), multiple >= 1 else {
      fault(node, "\(name) is \(node.shown); write a whole number of at least 1, as 8")
      return 1
    }
    return multiple
  }

  /// Bits make sense only where weight bytes are limited.
  mutating func weightBits(_ node: Node?, budgets: [Budget]) -> Int {
    guard let node else { return DeviceProfile.defaultWeightBits }
    guard let bits = node.scalar.flatMap({ Int($0.string) }), (1...64).contains(bits) else {
      fault(node, "weight_bits is \(node.shown); write a whole number from 1 to 64, as 8")
      return DeviceProfile.defaultWeightBits
    }
    if !budgets.contains(where: { $0.resource == .weightBytes }) {
      fault(
        node,
        "weight_bits changes nothing without a budget of weight_bytes; add one or leave it out")
    }
    return bits
  }

  /// `widths: {conv1: keep, "layer1.*": {minimum: 8, maximum: 24}}`.
  mutating func widthRules(_ node: Node?, multiples: [Int]) -> [WidthRule] {
    guard let node else { return [] }
    guard let mapping = node.mapping else {
      fault(node, "'widths' is \(node.shown); write groups and their rules, as {conv1: keep}")
      return []
    }
    return mapping.compactMap { key, value in
      guard let group = key.scalar?.string, !group.isEmpty else {
        fault(key, "\(key.shown) is no name of a group")
        return nil
      }
      return widthRule(group, value, line: line(of: key), multiples: multiples)
    }
  }

  private mutating func widthRule(_ group: String, _ node: Node, line: Int, multiples: [Int])
    -> WidthRule?
  {
    if node.scalar?.string == "keep" { return WidthRule(group: group, stays: true, line: line) }
    guard let mapping = node.mapping, !mapping.isEmpty else {
      fault(node, "\(group) is \(node.shown); write 'keep' or {minimum: 8, maximum: 24}")
      return nil
    }
    checkKeys(of: mapping, in: ["minimum", "maximum"], place: "a group's widths")
    let minimum = mapping["minimum"].map { width($0, "the minimum of \(group)") }
    let maximum = mapping["maximum"].map { width($0, "the maximum of \(group)") }
    if let minimum, let maximum, minimum > maximum {
      fault(
        node, "\(group): minimum \(minimum) is above maximum \(maximum); exchange or relax them")
    } else if let maximum, let multiple = multiples.min(), maximum < multiple {
      fault(
        node,
        "\(group): no multiple of \(multiple) is at most \(maximum); raise the maximum, "
          + "or lower channel_multiple")
    } else if let minimum, let maximum, multiples.count == 1, let multiple = multiples.first,
      maximum / multiple * multiple < minimum
    {
      fault(
        node, "\(group): no multiple of \(multiple) lies in \(minimum)…\(maximum); widen the range")
    }
    return WidthRule(group: group, minimum: minimum, maximum: maximum, line: line)
  }

  private mutating func width(_ node: Node, _ name: String) -> Int {
    guard let width = node.scalar.flatMap({ Int($0.string) }), width >= 1 else {
      fault(node, "\(name) is \(node.shown); write a whole number of channels of at least 1")
      return 1
    }
    return width
  }
}
