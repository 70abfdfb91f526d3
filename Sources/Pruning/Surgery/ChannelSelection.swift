import NetworkGraph

/// Which units of each channel group stay.
public struct ChannelSelection: Sendable, Hashable, Codable {
  /// By group id: the units kept, sorted. A group that is not named keeps all.
  public var kept: [Int: [Int]]

  public init(kept: [Int: [Int]] = [:]) { self.kept = kept }

  /// The units of `group` that stay.
  public func units(of group: ChannelGroup) -> [Int] { kept[group.id] ?? Array(0..<group.width) }

  /// The number of units that stay, by group id.
  public func widths(_ groups: [ChannelGroup]) -> [Int] { groups.map { units(of: $0).count } }
}

/// A selection that a network cannot follow.
public struct SurgeryError: Error, Sendable, CustomStringConvertible {
  public enum Code: Sendable { case protectedGroup, emptyGroup, invalidUnit }

  public let code: Code
  /// What failed, on which group, and what to do.
  public let message: String

  public var description: String { message }
}

extension ChannelSelection {
  /// Checks that every group named can be pruned, keeps a unit, and names units it has, in order.
  func validate(_ groups: [ChannelGroup]) throws(SurgeryError) {
    if let unknown = kept.keys.sorted().first(where: { !groups.indices.contains($0) }) {
      throw SurgeryError(
        code: .invalidUnit,
        message: "the network has \(groups.count) groups, none with id \(unknown); "
          + "was the selection made for another network?")
    }
    for group in groups {
      guard let units = kept[group.id], units != Array(0..<group.width) else { continue }
      if let reason = group.protection {
        throw SurgeryError(
          code: .protectedGroup, message: "group \"\(group.name)\" cannot be pruned: \(reason)")
      }
      if units.isEmpty {
        throw SurgeryError(
          code: .emptyGroup, message: "group \"\(group.name)\" would lose all its channels")
      }
      let isSorted = zip(units, units.dropFirst()).allSatisfy(<)
      guard isSorted, units.allSatisfy((0..<group.width).contains) else {
        throw SurgeryError(
          code: .invalidUnit,
          message:
            "units \(units) of group \"\(group.name)\" are not sorted within 0..<\(group.width)")
      }
    }
  }
}
