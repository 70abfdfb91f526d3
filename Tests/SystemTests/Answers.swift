import Foundation

/// A job as the command line prints it.
struct JobRecord: Decodable, Equatable {
  var stage: String
  var label: String
  var seconds: Double?
  var worker: String?
  var attempt: Int
  var isReused: Bool
}

/// A variant as the command line prints it: what other programs rely on.
struct VariantRecord: Decodable {
  struct BudgetUse: Decodable {
    var limit: Int64
    var used: Int64
  }

  var id: String
  var sweep: String
  var device: String
  var deviceClass: String
  var status: String
  var reason: String?
  var macs: Int64?
  var parameters: Int64?
  var modelBytes: Int64?
  var peakActivationBytes: Int64?
  var accuracy: Double?
  var accuracyBefore: Double?
  var baselineAccuracy: Double?
  var accuracyLow: Double?
  var accuracyHigh: Double?
  var accuracyFitted: Double?
  var images: Int?
  var sharedImages: Int?
  var dataDigest: String?
  var runtime: String?
  var criterion: String?
  var reconstruction: String?
  var recoveredWith: String?
  var objective: Double?
  var bound: Double?
  var gap: Double?
  var widths: [String: Int]?
  var budgets: [String: BudgetUse]?
  var digest: String?

  enum CodingKeys: String, CodingKey, CaseIterable {
    case id, sweep, device, status, reason, macs, parameters, accuracy, objective, bound, gap
    case widths, budgets, digest, images, runtime, criterion, reconstruction
    case accuracyLow = "accuracy_low"
    case accuracyHigh = "accuracy_high"
    case accuracyFitted = "accuracy_fitted"
    case sharedImages = "shared_images"
    case dataDigest = "data_digest"
    case recoveredWith = "recovered_with"
    case deviceClass = "device_class"
    case modelBytes = "model_bytes"
    case peakActivationBytes = "peak_activation_bytes"
    case accuracyBefore = "accuracy_before"
    case baselineAccuracy = "baseline_accuracy"
  }
}

/// What must be the same however often workers died and whoever computed.
struct VariantEssence: Equatable {
  var device: String
  var status: String
  var widths: [String: Int]?
  var digest: String?
  var accuracy: Double?
  var accuracyBefore: Double?

  init(_ variant: VariantRecord) {
    device = variant.device
    status = variant.status
    widths = variant.widths
    digest = variant.digest
    accuracy = variant.accuracy
    accuracyBefore = variant.accuracyBefore
  }
}

/// What `scores` prints.
struct ScoresAnswer: Decodable, Equatable {
  var taps: [String]
  var nhsic: [[Double]]
  var importance: [Double]
  var samples: Int
  var digest: String
}

/// What `status` prints.
struct ClusterStatus: Decodable {
  struct Coordinator: Decodable {
    var processID: Int32
    var workers: [Worker]
  }

  struct Worker: Decodable {
    var id: String
    var processID: Int32
    var jobs: Int
    /// Those of them that it computes now.
    var underway: Int
  }

  var state: String
  var database: String
  var coordinator: Coordinator?
  var sweeps: [SweepAnswer]
}

/// What `sweeps` prints of each.
struct SweepAnswer: Decodable {
  var id: String
  var name: String
  var state: String
  /// Number of jobs by state.
  var jobs: [String: Int]
  /// The same within each stage.
  var stages: [String: [String: Int]]
  var work: Work

  struct Work: Decodable {
    var flops: Double
    var done: Double
  }
}

/// What `evaluate` prints.
struct EvaluationAnswer: Decodable, Equatable {
  var images: Int
  var correct: Int
  var accuracy: Double
}

/// What `inspect` prints.
struct InspectionAnswer: Decodable {
  struct Layer: Decodable { var name: String }
  struct Group: Decodable {
    var name: String
    var width: Int
    var members: [String]
  }
  struct Protection: Decodable { var reason: String }

  var layers: [Layer]
  var groups: [Group]
  var macs: Int64
  var parameters: Int64
  var modelBytes: Int64
  var peakActivationBytes: Int64
  var protected: [Protection]

  enum CodingKeys: String, CodingKey {
    case layers, groups, macs, parameters, protected
    case modelBytes = "model_bytes"
    case peakActivationBytes = "peak_activation_bytes"
  }
}
