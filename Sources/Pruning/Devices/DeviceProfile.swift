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
  /// Where widths by operator are asked for: instead of ``channelMultiple``, in the order of
  /// ``AlignedOperator``.
  public let operatorMultiples: [OperatorMultiple]
  /// The least share of its channels that every group keeps, in 0 < ratio ≤ 1.
  public let minimumKeepRatio: Double
  /// Bits the device stores a weight in, 1…64: what `weight_bytes` counts.
  public let weightBits: Int
  /// What is asked of single groups, in the catalogue's order; later ones win.
  public let widthRules: [WidthRule]
  /// Where the times of layers are: a file's path, or in a sweep the digest of the table.
  public let latencyTable: String?
  /// What estimates are made from where no layer was measured.
  public let roofline: Roofline?
  /// How much less than the budgets of latency and energy a plan may be predicted to take, as a
  /// share of the prediction: measurements scatter around it.
  public let latencyMargin: Double
  /// For people: what the device is.
  public let summary: String?
  /// For people: where its figures come from.
  public let source: String?

  /// What ``minimumKeepRatio`` is where the catalogue says nothing: a tenth leaves room for
  /// microcontrollers, while no layer becomes a bottleneck of one or two channels.
  public static let defaultMinimumKeepRatio = 0.1

  /// What ``weightBits`` is where the catalogue says nothing: the width of an exported weight.
  public static let defaultWeightBits = 32

  /// What ``latencyMargin`` is where the catalogue says nothing: the optimum is where a table is too
  /// hopeful, by up to 5 % in measured plans, and repeats scatter by 2 or 3 %.
  public static let defaultLatencyMargin = 0.08

  /// - Precondition: `channelMultiple` ≥ 1, 0 < `minimumKeepRatio` ≤ 1 and 1 ≤ `weightBits` ≤ 64.
  public init(
    name: String, deviceClass: String = "other", budgets: [Budget], channelMultiple: Int = 1,
    operatorMultiples: [OperatorMultiple] = [],
    minimumKeepRatio: Double = DeviceProfile.defaultMinimumKeepRatio,
    weightBits: Int = DeviceProfile.defaultWeightBits, widthRules: [WidthRule] = [],
    latencyTable: String? = nil, roofline: Roofline? = nil,
    latencyMargin: Double = DeviceProfile.defaultLatencyMargin,
    summary: String? = nil, source: String? = nil
  ) {
    precondition(channelMultiple >= 1, "channel multiple \(channelMultiple) of \(name)")
    precondition(
      minimumKeepRatio > 0 && minimumKeepRatio <= 1, "keep ratio \(minimumKeepRatio) of \(name)")
    precondition((1...64).contains(weightBits), "\(weightBits) bits for a weight of \(name)")
    self.name = name
    self.deviceClass = deviceClass
    self.budgets = budgets
    self.channelMultiple = channelMultiple
    self.operatorMultiples = operatorMultiples.sorted { $0.kind < $1.kind }
    self.minimumKeepRatio = minimumKeepRatio
    self.weightBits = weightBits
    self.widthRules = widthRules
    self.latencyTable = latencyTable
    self.roofline = roofline
    self.latencyMargin = latencyMargin
    self.summary = summary
    self.source = source
  }

  /// The budget on one resource, where the device has one.
  public func budget(on resource: BudgetResource) -> Budget? {
    budgets.first { $0.resource == resource }
  }

  /// What the width of a group with these operators is a multiple of.
  ///
  /// - Parameter operators: What writes and reads the group; nil where that is not known, and then
  ///   every operator's multiple holds.
  public func multiple(of operators: [AlignedOperator]?) -> Int {
    let kinds = operators ?? operatorMultiples.map(\.kind)
    let multiples = kinds.map { kind in
      operatorMultiples.first { $0.kind == kind }?.multiple ?? channelMultiple
    }
    return (multiples.isEmpty ? [channelMultiple] : multiples).reduce(1, leastCommonMultiple)
  }

  /// The device without what is for people: another remark is not another computation.
  public var withoutRemarks: DeviceProfile {
    DeviceProfile(
      name: name, deviceClass: deviceClass, budgets: budgets, channelMultiple: channelMultiple,
      operatorMultiples: operatorMultiples, minimumKeepRatio: minimumKeepRatio,
      weightBits: weightBits, widthRules: widthRules.map(\.withoutLine),
      latencyTable: latencyTable, roofline: roofline, latencyMargin: latencyMargin)
  }

  /// The device with its table under another name, such as the digest of its content.
  public func with(latencyTable: String?) -> DeviceProfile {
    with(budgets: budgets, latencyTable: latencyTable)
  }

  /// The device with other budgets.
  public func with(budgets: [Budget]) -> DeviceProfile {
    with(budgets: budgets, latencyTable: latencyTable)
  }

  private func with(budgets: [Budget], latencyTable: String?) -> DeviceProfile {
    DeviceProfile(
      name: name, deviceClass: deviceClass, budgets: budgets, channelMultiple: channelMultiple,
      operatorMultiples: operatorMultiples, minimumKeepRatio: minimumKeepRatio,
      weightBits: weightBits, widthRules: widthRules, latencyTable: latencyTable,
      roofline: roofline, latencyMargin: latencyMargin, summary: summary, source: source)
  }
}

/// Both at least 1; capped, as no group is that wide.
func leastCommonMultiple(_ a: Int, _ b: Int) -> Int {
  let (product, isOver) = (a / greatestCommonDivisor(a, b)).multipliedReportingOverflow(by: b)
  return isOver ? .max : product
}

/// What a budget limits; the raw values are the catalogue's keys.
public enum BudgetResource: String, Sendable, Hashable, Codable, CaseIterable {
  case macs
  case parameters
  /// The exported file's constants, 4 bytes each.
  case modelBytes = "model_bytes"
  /// The parameters at the device's bits each.
  case weightBytes = "weight_bytes"
  /// The greatest sum of activations that live at a time, for one image in 32-bit floats.
  case activationBytes = "activation_bytes"
  /// The predicted time of one image, in nanoseconds.
  case latency
  /// The predicted energy of one image, in nanojoules.
  case energy

  /// Whether its cost is read from tables of layers.
  public var isTabulated: Bool { self == .latency || self == .energy }

  /// The units its amounts may be written in.
  public var dimension: Amount.Dimension {
    switch self {
    case .macs, .parameters: .count
    case .modelBytes, .weightBytes, .activationBytes: .bytes
    case .latency: .time
    case .energy: .energy
    }
  }

  /// An amount of a resource as people read it: times and energies with their units, others as
  /// whole numbers.
  public static func text(_ amount: Int64, of resource: String) -> String {
    guard let known = BudgetResource(rawValue: resource), known.isTabulated else {
      return "\(amount)"
    }
    return known.dimension.text(Double(amount))
  }

  /// For messages.
  public var name: String {
    switch self {
    case .macs: "MACs"
    case .parameters: "parameters"
    case .modelBytes: "model bytes"
    case .weightBytes: "weight bytes"
    case .activationBytes: "activation bytes"
    case .latency: "latency"
    case .energy: "energy"
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

  public var description: String {
    // Counts and sizes have always been printed alike here.
    let text = resource.isTabulated ? amount.text(as: resource.dimension) : "\(amount)"
    return "\(resource.name) ≤ \(text)"
  }
}
