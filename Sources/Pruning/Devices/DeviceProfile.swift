import Quantities

/// A target of pruning: what a network may cost there, and which widths suit the hardware.
public struct DeviceProfile: Sendable, Hashable, Codable {
  /// Unique within its catalogue.
  public let name: String
  /// The kind of device, such as "phone"; "other" where the catalogue names none.
  public let deviceClass: String
  /// At least one, of different resources, in the order of ``BudgetResource``.
  public let budgets: [Budget]
  /// Widths are multiples of this where a group has room for one; at least 1, which is no limit.
  public let channelMultiple: Int
  /// The least share of its channels that every group keeps, in 0 < ratio ≤ 1.
  public let minimumKeepRatio: Double
  /// For people: what the device is.
  public let summary: String?
  /// For people: where its figures come from.
  public let source: String?

  /// What ``minimumKeepRatio`` is where the catalogue says nothing: a tenth leaves room for
  /// microcontrollers, while no layer becomes a bottleneck of one or two channels.
  public static let defaultMinimumKeepRatio = 0.1

  private enum CodingKeys: String, CodingKey {
    case name
    case deviceClass = "class"
    case budgets
    case channelMultiple = "channel_multiple"
    case minimumKeepRatio = "minimum_keep_ratio"
    case summary = "description"
    case source
  }

  /// - Precondition: `channelMultiple` ≥ 1 and 0 < `minimumKeepRatio` ≤ 1.
  public init(
    name: String, deviceClass: String = "other", budgets: [Budget], channelMultiple: Int = 1,
    minimumKeepRatio: Double = DeviceProfile.defaultMinimumKeepRatio, summary: String? = nil,
    source: String? = nil
  ) {
    precondition(channelMultiple >= 1, "channel multiple \(channelMultiple) of \(name)")
    precondition(
      minimumKeepRatio > 0 && minimumKeepRatio <= 1, "keep ratio \(minimumKeepRatio) of \(name)")
    self.name = name
    self.deviceClass = deviceClass
    self.budgets = budgets
    self.channelMultiple = channelMultiple
    self.minimumKeepRatio = minimumKeepRatio
    self.summary = summary
    self.source = source
  }

  /// The budget on one resource, where the device has one.
  public func budget(on resource: BudgetResource) -> Budget? {
    budgets.first { $0.resource == resource }
  }
}

/// What a budget limits; the raw values are the catalogue's keys.
public enum BudgetResource: String, Sendable, Hashable, Codable, CaseIterable {
  case macs
  case parameters
  case modelBytes = "model_bytes"

  /// The units its amounts may be written in.
  public var dimension: Amount.Dimension { self == .modelBytes ? .bytes : .count }

  /// For messages.
  public var name: String {
    switch self {
    case .macs: "MACs"
    case .parameters: "parameters"
    case .modelBytes: "model bytes"
    }
  }
}

/// The most a network may use of one resource.
public struct Budget: Sendable, Hashable, Codable, CustomStringConvertible {
  public let resource: BudgetResource
  /// Above 0; a share is of the dense network, at most 100 %.
  public let amount: Amount

  public init(resource: BudgetResource, amount: Amount) {
    self.resource = resource
    self.amount = amount
  }

  /// The greatest whole number within the budget.
  ///
  /// - Parameter dense: What the dense network uses of the resource.
  public func limit(dense: Int64) -> Int64 { amount.limit(of: dense) }

  public var description: String { "\(resource.name) ≤ \(amount)" }
}
