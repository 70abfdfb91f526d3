import Quantities

/// A fact about variants that can be asked for, ordered by and compared.
public struct Field: Sendable, Hashable {
  /// What a field's values are, and so which literals it is compared with.
  public enum Kind: Sendable, Hashable {
    /// Whole numbers: 60M, 400k.
    case count
    /// Sizes: 1.5MB, 2GiB.
    case bytes
    /// Times, in seconds in the database: 5ms, 800us.
    case time
    /// 0…1, also in percent: 91.5%.
    case share
    /// Any number.
    case number
    /// In quotes: 'phone'.
    case text
  }

  /// As it is written in constraints.
  public let name: String
  public let kind: Kind
  /// Whether more of it is better; nil where neither is.
  public let isBetterHigher: Bool?
  /// SQL expressions over variants v and sweeps s, never null together; a value matches a field
  /// when it matches any of them. The last is the one to order by.
  let columns: [String]

  private init(_ name: String, _ kind: Kind, better higher: Bool? = nil, _ columns: String...) {
    self.name = name
    self.kind = kind
    isBetterHigher = higher
    self.columns = columns
  }

  /// Every field, in the order of messages.
  public static let all: [Field] = [
    Field("macs", .count, better: false, "v.macs"),
    Field("parameters", .count, better: false, "v.parameters"),
    Field("model_bytes", .bytes, better: false, "v.model_bytes"),
    Field("peak_activation_bytes", .bytes, better: false, "v.peak_activation_bytes"),
    Field("latency", .time, better: false, "v.latency_seconds"),
    Field("predicted_latency", .time, better: false, "v.predicted_latency_seconds"),
    Field("latency_source", .text, "v.latency_source"),
    Field("accuracy", .share, better: true, "v.accuracy"),
    Field("accuracy_top5", .share, better: true, "v.accuracy_top5"),
    Field("accuracy_low", .share, better: true, "v.accuracy_low"),
    Field("accuracy_high", .share, better: true, "v.accuracy_high"),
    Field("accuracy_fitted", .share, better: true, "v.accuracy_fitted"),
    Field("accuracy_before", .share, better: true, "v.accuracy_before"),
    Field("baseline_accuracy", .share, better: true, "v.baseline_accuracy"),
    Field("baseline_top5", .share, better: true, "v.baseline_top5"),
    Field("same_class", .share, better: true, "v.same_class"),
    Field("cosine", .number, better: true, "v.cosine"),
    Field("squared_error", .number, better: false, "v.squared_error"),
    Field("images", .count, "v.images"),
    Field("shared_images", .count, better: false, "v.shared_images"),
    Field("data_digest", .text, "v.data_digest"),
    Field("runtime", .text, "v.runtime"),
    Field("objective", .number, better: true, "v.objective"),
    Field("bound", .number, "v.bound"),
    Field("gap", .number, better: false, "v.gap"),
    Field("id", .text, "v.id"),
    Field("device", .text, "v.device"),
    Field("device.class", .text, "v.device_class"),
    Field("status", .text, "v.status"),
    Field("reason", .text, "v.reason"),
    // An older sweep of the same name is found by its id alone.
    Field("sweep", .text, "s.id", "(case when s.superseded then s.id else s.name end)"),
    Field("model", .text, "v.model_digest", "v.model_name"),
    Field("strategy", .text, "v.strategy"),
    Field("criterion", .text, "v.criterion"),
    Field("reconstruction", .text, "v.reconstruction"),
    Field("recovered_with", .text, "v.recovered_with"),
    Field("digest", .text, "v.digest"),
  ]

  /// The field of a name, in any case; `device_class` is another name of `device.class`.
  public static func named(_ name: String) -> Field? {
    let name = name.lowercased()
    return all.first { $0.name == (name == "device_class" ? "device.class" : name) }
  }

  /// The names a misspelt one may have meant, nearest first.
  static func nearest(to name: String) -> [String] { nearestNames(to: name, in: all.map(\.name)) }

  /// What its literals look like, for messages.
  var example: String {
    switch kind {
    case .count: "\(name) <= 60M"
    case .bytes: "\(name) <= 1.5MB"
    case .time: "\(name) <= 5ms"
    case .share: "\(name) >= 91.5%"
    case .number: "\(name) <= 0.5"
    case .text: "\(name) = 'phone'"
    }
  }
}
