import Foundation

/// One pruned network for one device of one sweep, or the reason why there is none.
public struct Variant: Sendable, Hashable, Identifiable {
  public enum Status: String, Sendable, Hashable, Codable {
    /// Exported and, unless asked otherwise, evaluated.
    case ready
    /// The widths are chosen; nothing is exported.
    case planned
    /// No widths meet the budgets.
    case infeasible
    case failed
  }

  /// A budget and what the variant takes of it.
  public struct BudgetUse: Sendable, Hashable, Codable {
    public var limit: Int64
    public var used: Int64

    public init(limit: Int64, used: Int64) {
      self.limit = limit
      self.used = used
    }
  }

  /// Given by the database.
  public var id = ""
  /// The sweep's name; to save a variant, only `sweepID` counts.
  public var sweep = ""
  public var sweepID: String
  public var device: String
  public var deviceClass: String
  public var status: Status
  /// Why infeasible or failed; nil otherwise.
  public var reason: String?

  // Cost, counted on the pruned network.
  public var macs: Int64?
  public var parameters: Int64?
  public var modelBytes: Int64?
  public var peakActivationBytes: Int64?
  /// Of one image, measured, and half the distance of the quartiles.
  public var latencySeconds: Double?
  public var latencySpreadSeconds: Double?
  /// Of one image, as the device's table of layers has it, and how the least certain part of it is
  /// known: `measured`, `interpolated` or `estimated`.
  public var predictedLatencySeconds: Double?
  public var latencySource: String?

  // Quality; shares are 0…1.
  public var accuracy: Double?
  /// The label is among the five greatest scores.
  public var accuracyTop5: Double?
  /// Where the accuracy on all such images lies with 95 % confidence.
  public var accuracyLow: Double?
  public var accuracyHigh: Double?
  /// After reconstruction, before a recovery of the user's own.
  public var accuracyFitted: Double?
  /// After surgery, before reconstruction.
  public var accuracyBefore: Double?
  /// Of the dense network on the same images.
  public var baselineAccuracy: Double?
  public var baselineTop5: Double?
  /// Images that are given the dense network's class.
  public var sameClass: Double?
  /// The mean cosine between outputs and the dense network's, −1…1.
  public var cosine: Double?
  /// The mean squared difference of outputs from the dense network's.
  public var squaredError: Double?
  /// How many images the accuracies were counted on; needed with them.
  public var images: Int?
  /// How many of them are calibration images too.
  public var sharedImages: Int?
  /// SHA-256 of the images and labels.
  public var dataDigest: String?
  /// What counted: backends, versions and instruction sets.
  public var runtime: String?

  // The plan and its certificate.
  public var objective: Double?
  public var bound: Double?
  public var gap: Double?
  /// Channels kept, by name of the group.
  public var widths: [String: Int]?
  /// By resource.
  public var budgets: [String: BudgetUse]?
  public var strategy: String?
  /// Which channels of a group went first.
  public var criterion: String?
  /// The fit that was kept, which may be a simpler one than was asked for; `dense` where nothing was
  /// cut.
  public var reconstruction: String?
  /// The user's own recovery: a command.
  public var recoveredWith: String?

  // Lineage.
  /// SHA-256 of the exported model, its name in the artifact store.
  public var digest: String?
  /// SHA-256 of the dense model.
  public var modelDigest: String
  public var model: String
  /// Everything that could be chosen, as JSON; stored, and not printed.
  public var recipe: Data?

  public init(
    sweepID: String, device: String, deviceClass: String, status: Status, reason: String? = nil,
    model: String, modelDigest: String
  ) {
    self.sweepID = sweepID
    self.device = device
    self.deviceClass = deviceClass
    self.status = status
    self.reason = reason
    self.model = model
    self.modelDigest = modelDigest
  }
}

extension Variant: Codable {
  /// The names that other programs read.
  enum CodingKeys: String, CodingKey, CaseIterable {
    case id, sweep
    case sweepID = "sweep_id"
    case device
    case deviceClass = "device_class"
    case status, reason, macs, parameters
    case modelBytes = "model_bytes"
    case peakActivationBytes = "peak_activation_bytes"
    case latencySeconds = "latency_seconds"
    case latencySpreadSeconds = "latency_spread_seconds"
    case predictedLatencySeconds = "predicted_latency_seconds"
    case latencySource = "latency_source"
    case accuracy
    case accuracyTop5 = "accuracy_top5"
    case accuracyLow = "accuracy_low"
    case accuracyHigh = "accuracy_high"
    case accuracyFitted = "accuracy_fitted"
    case accuracyBefore = "accuracy_before"
    case baselineAccuracy = "baseline_accuracy"
    case baselineTop5 = "baseline_top5"
    case sameClass = "same_class"
    case cosine
    case squaredError = "squared_error"
    case images
    case sharedImages = "shared_images"
    case dataDigest = "data_digest"
    case runtime, objective, bound, gap, widths, budgets, strategy, criterion, reconstruction
    case recoveredWith = "recovered_with"
    case digest, model
    case modelDigest = "model_digest"
  }

  /// Writes every key, with null where there is no value: readers need not ask which there are.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(id, forKey: .id)
    try container.encode(sweep, forKey: .sweep)
    try container.encode(sweepID, forKey: .sweepID)
    try container.encode(device, forKey: .device)
    try container.encode(deviceClass, forKey: .deviceClass)
    try container.encode(status, forKey: .status)
    try container.encode(reason, forKey: .reason)
    try container.encode(macs, forKey: .macs)
    try container.encode(parameters, forKey: .parameters)
    try container.encode(modelBytes, forKey: .modelBytes)
    try container.encode(peakActivationBytes, forKey: .peakActivationBytes)
    try container.encode(latencySeconds, forKey: .latencySeconds)
    try container.encode(latencySpreadSeconds, forKey: .latencySpreadSeconds)
    try container.encode(predictedLatencySeconds, forKey: .predictedLatencySeconds)
    try container.encode(latencySource, forKey: .latencySource)
    try container.encode(accuracy, forKey: .accuracy)
    try container.encode(accuracyTop5, forKey: .accuracyTop5)
    try container.encode(accuracyLow, forKey: .accuracyLow)
    try container.encode(accuracyHigh, forKey: .accuracyHigh)
    try container.encode(accuracyFitted, forKey: .accuracyFitted)
    try container.encode(accuracyBefore, forKey: .accuracyBefore)
    try container.encode(baselineAccuracy, forKey: .baselineAccuracy)
    try container.encode(baselineTop5, forKey: .baselineTop5)
    try container.encode(sameClass, forKey: .sameClass)
    try container.encode(cosine, forKey: .cosine)
    try container.encode(squaredError, forKey: .squaredError)
    try container.encode(images, forKey: .images)
    try container.encode(sharedImages, forKey: .sharedImages)
    try container.encode(dataDigest, forKey: .dataDigest)
    try container.encode(runtime, forKey: .runtime)
    try container.encode(objective, forKey: .objective)
    try container.encode(bound, forKey: .bound)
    try container.encode(gap, forKey: .gap)
    try container.encode(widths, forKey: .widths)
    try container.encode(budgets, forKey: .budgets)
    try container.encode(strategy, forKey: .strategy)
    try container.encode(criterion, forKey: .criterion)
    try container.encode(reconstruction, forKey: .reconstruction)
    try container.encode(recoveredWith, forKey: .recoveredWith)
    try container.encode(digest, forKey: .digest)
    try container.encode(model, forKey: .model)
    try container.encode(modelDigest, forKey: .modelDigest)
  }
}
