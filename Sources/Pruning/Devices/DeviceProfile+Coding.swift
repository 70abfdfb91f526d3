/// Coded without what a device does not ask for, so that profiles from before stay as they were.
extension DeviceProfile {
  private enum CodingKeys: String, CodingKey {
    case name
    case deviceClass = "class"
    case budgets
    case channelMultiple = "channel_multiple"
    case operatorMultiples = "operator_multiples"
    case minimumKeepRatio = "minimum_keep_ratio"
    case weightBits = "weight_bits"
    case widthRules = "widths"
    case latencyTable = "latency_table"
    case roofline
    case latencyMargin = "latency_margin"
    case summary = "description"
    case source
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      name: try container.decode(String.self, forKey: .name),
      deviceClass: try container.decode(String.self, forKey: .deviceClass),
      budgets: try container.decode([Budget].self, forKey: .budgets),
      channelMultiple: try container.decode(Int.self, forKey: .channelMultiple),
      operatorMultiples: try container.decodeIfPresent(
        [OperatorMultiple].self, forKey: .operatorMultiples) ?? [],
      minimumKeepRatio: try container.decode(Double.self, forKey: .minimumKeepRatio),
      weightBits: try container.decodeIfPresent(Int.self, forKey: .weightBits)
        ?? Self.defaultWeightBits,
      widthRules: try container.decodeIfPresent([WidthRule].self, forKey: .widthRules) ?? [],
      latencyTable: try container.decodeIfPresent(String.self, forKey: .latencyTable),
      roofline: try container.decodeIfPresent(Roofline.self, forKey: .roofline),
      latencyMargin: try container.decodeIfPresent(Double.self, forKey: .latencyMargin)
        ?? Self.defaultLatencyMargin,
      summary: try container.decodeIfPresent(String.self, forKey: .summary),
      source: try container.decodeIfPresent(String.self, forKey: .source))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(deviceClass, forKey: .deviceClass)
    try container.encode(budgets, forKey: .budgets)
    try container.encode(channelMultiple, forKey: .channelMultiple)
    try container.encode(minimumKeepRatio, forKey: .minimumKeepRatio)
    if !operatorMultiples.isEmpty {
      try container.encode(operatorMultiples, forKey: .operatorMultiples)
    }
    if weightBits != Self.defaultWeightBits {
      try container.encode(weightBits, forKey: .weightBits)
    }
    if !widthRules.isEmpty { try container.encode(widthRules, forKey: .widthRules) }
    try container.encodeIfPresent(latencyTable, forKey: .latencyTable)
    try container.encodeIfPresent(roofline, forKey: .roofline)
    if latencyMargin != Self.defaultLatencyMargin {
      try container.encode(latencyMargin, forKey: .latencyMargin)
    }
    try container.encodeIfPresent(summary, forKey: .summary)
    try container.encodeIfPresent(source, forKey: .source)
  }
}
