/// Operators whose channels hardware groups in its own way.
public enum AlignedOperator: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
  case convolution
  /// Convolutions of every channel by itself.
  case depthwise
  /// Fully connected layers.
  case gemm

  public static func < (a: AlignedOperator, b: AlignedOperator) -> Bool { a.rawValue < b.rawValue }
}

/// The multiple that the channels of one kind of operator must have.
public struct OperatorMultiple: Sendable, Hashable, Codable {
  public let kind: AlignedOperator
  /// At least 1.
  public let multiple: Int

  public init(kind: AlignedOperator, multiple: Int) {
    precondition(multiple >= 1, "\(kind.rawValue): channel multiple \(multiple)")
    self.kind = kind
    self.multiple = multiple
  }
}

/// What a device asks of the width of one group, or of several with one beginning.
public struct WidthRule: Sendable, Hashable, Codable {
  /// A group's name, or its beginning and an asterisk.
  public let group: String
  /// The least width, in channels.
  public let minimum: Int?
  /// The greatest width, in channels.
  public let maximum: Int?
  /// Whether the group keeps its dense width.
  public let stays: Bool
  /// Where the rule stands in its catalogue, counted from 1.
  public let line: Int?

  public init(
    group: String, minimum: Int? = nil, maximum: Int? = nil, stays: Bool = false, line: Int? = nil
  ) {
    self.group = group
    self.minimum = minimum
    self.maximum = maximum
    self.stays = stays
    self.line = line
  }

  /// Whether the rule is for a group.
  public func matches(_ name: String) -> Bool {
    group.hasSuffix("*") ? name.hasPrefix(group.dropLast()) : name == group
  }

  /// The rule wherever it stands.
  var withoutLine: WidthRule {
    WidthRule(group: group, minimum: minimum, maximum: maximum, stays: stays)
  }
}
