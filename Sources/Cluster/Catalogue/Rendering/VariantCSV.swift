import Foundation

/// Variants as comma-separated values (RFC 4180): a header, CRLF, empty where there is no value.
enum VariantCSV {
  static func text(_ variants: [Variant]) -> String {
    let header = Variant.CodingKeys.allCases.map(\.rawValue)
    let rows = variants.map { variant in
      Variant.CodingKeys.allCases.map { escaped(value($0, of: variant) ?? "") }
    }
    return ([header] + rows).map { $0.joined(separator: ",") + "\r\n" }.joined()
  }

  private static func value(_ key: Variant.CodingKeys, of variant: Variant) -> String? {
    switch key {
    case .id: variant.id
    case .sweep: variant.sweep
    case .sweepID: variant.sweepID
    case .device: variant.device
    case .deviceClass: variant.deviceClass
    case .status: variant.status.rawValue
    case .reason: variant.reason
    case .macs: variant.macs?.description
    case .parameters: variant.parameters?.description
    case .modelBytes: variant.modelBytes?.description
    case .peakActivationBytes: variant.peakActivationBytes?.description
    case .latencySeconds: variant.latencySeconds?.description
    case .latencySpreadSeconds: variant.latencySpreadSeconds?.description
    case .predictedLatencySeconds: variant.predictedLatencySeconds?.description
    case .latencySource: variant.latencySource
    case .accuracy: variant.accuracy?.description
    case .accuracyTop5: variant.accuracyTop5?.description
    case .accuracyLow: variant.accuracyLow?.description
    case .accuracyHigh: variant.accuracyHigh?.description
    case .accuracyFitted: variant.accuracyFitted?.description
    case .accuracyBefore: variant.accuracyBefore?.description
    case .baselineAccuracy: variant.baselineAccuracy?.description
    case .baselineTop5: variant.baselineTop5?.description
    case .sameClass: variant.sameClass?.description
    case .cosine: variant.cosine?.description
    case .squaredError: variant.squaredError?.description
    case .images: variant.images?.description
    case .sharedImages: variant.sharedImages?.description
    case .dataDigest: variant.dataDigest
    case .runtime: variant.runtime
    case .objective: variant.objective?.description
    case .bound: variant.bound?.description
    case .gap: variant.gap?.description
    case .widths: variant.widths.flatMap(json)
    case .budgets: variant.budgets.flatMap(json)
    case .strategy: variant.strategy
    case .criterion: variant.criterion
    case .reconstruction: variant.reconstruction
    case .recoveredWith: variant.recoveredWith
    case .digest: variant.digest
    case .model: variant.model
    case .modelDigest: variant.modelDigest
    }
  }

  private static func json(_ value: some Encodable) -> String? {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) }
  }

  private static func escaped(_ text: String) -> String {
    guard text.contains(where: { ",\"\r\n".contains($0) || $0.isNewline }) else { return text }
    return "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\""
  }
}
