extension Field {
  /// The field's value of a variant; nil for text and where there is none.
  public func value(of variant: Variant) -> Double? {
    switch name {
    case "macs": variant.macs.map(Double.init)
    case "parameters": variant.parameters.map(Double.init)
    case "model_bytes": variant.modelBytes.map(Double.init)
    case "peak_activation_bytes": variant.peakActivationBytes.map(Double.init)
    case "accuracy": variant.accuracy
    case "accuracy_top5": variant.accuracyTop5
    case "accuracy_before": variant.accuracyBefore
    case "baseline_accuracy": variant.baselineAccuracy
    case "baseline_top5": variant.baselineTop5
    case "same_class": variant.sameClass
    case "cosine": variant.cosine
    case "squared_error": variant.squaredError
    case "images": variant.images.map(Double.init)
    case "objective": variant.objective
    case "bound": variant.bound
    case "gap": variant.gap
    default: nil
    }
  }
}

/// The variants that no other beats.
public enum ParetoFront {
  /// Keeps the variants for which no other is at least as good in every field and better in one.
  ///
  /// Qualities count upwards and costs downwards. A variant without one of the values is left out;
  /// equal ones stay together. The order stays.
  ///
  /// - Complexity: O(n²) for n variants.
  public static func of(_ variants: [Variant], by fields: [Field]) -> [Variant] {
    let points = variants.compactMap { variant -> (variant: Variant, goodness: [Double])? in
      let goodness = fields.compactMap { field in
        field.value(of: variant).map { field.isBetterHigher == true ? $0 : -$0 }
      }
      return goodness.count == fields.count ? (variant, goodness) : nil
    }
    return points.filter { point in
      !points.contains { dominates($0.goodness, point.goodness) }
    }.map(\.variant)
  }

  private static func dominates(_ a: [Double], _ b: [Double]) -> Bool {
    zip(a, b).allSatisfy { $0 >= $1 } && zip(a, b).contains { $0 > $1 }
  }
}
