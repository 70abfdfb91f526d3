import Catalogue
import Devices
import Digests
import Execution
import Foundation
import Importance
import JobEngine
import Logging
import Messaging
import Pipeline
import Quantities

extension Coordinator {
  /// Writes down what a sweep found: scores, variants, and that it is done.
  func finish(_ id: String, _ definition: SweepDefinition, _ report: SweepReport) async throws {
    let key = try definition.scoresKey
    try await stores.scores.save(
      Scores(
        report.scores, key: key, definition: definition,
        provenance: try await provenance(id, definition, report.scores)), sweep: id)
    let recipe = try CanonicalJSON.encode(definition.recipe)
    for report in report.variants {
      var variant = Variant(report, sweep: id, definition: definition)
      variant.recipe = recipe
      _ = try await stores.variants.save(variant)
    }
    try await stores.sweeps.complete(id, report: try CanonicalJSON.encode(SweepOutcome(report)))
    logger.notice("sweep completed", metadata: ["sweep.id": "\(id)", "name": "\(definition.name)"])
  }

  /// What the bits of the scores depend on beside model, data and recipe.
  private func provenance(
    _ id: String, _ definition: SweepDefinition, _ scores: ImportanceScores
  ) async throws -> Data {
    let identities = try await stores.jobs.identities(sweep: id)[Stage.scores.rawValue] ?? []
    if identities.count > 1 {
      logger.warning(
        "scores of several kinds of machines",
        metadata: ["sweep.id": "\(id)", "identities": "\(identities)"])
    }
    var provenance = [
      "kernel": scores.kernel.rawValue,
      "tile_size": "\(definition.recipe.tileSize)",
      "micro_batch": "\(definition.recipe.microBatch)",
      "computed_by": identities.joined(separator: "; "),
      "machines": identities.count > 1 ? "mixed" : "of one kind",
    ]
    if scores.kernel == .rbf {
      let widths = scores.taps.map { "\($0)=\(scores.bandwidths[$0] ?? 0)" }
      provenance["bandwidths"] = widths.joined(separator: ", ")
    }
    return try CanonicalJSON.encode(provenance)
  }
}

/// How a sweep ended, in numbers.
public struct SweepOutcome: Codable, Sendable {
  public var ready: Int
  public var planned: Int
  public var infeasible: Int
  public var failed: Int

  init(_ report: SweepReport) {
    func count(_ status: VariantReport.Status) -> Int {
      report.variants.count { $0.status == status }
    }
    ready = count(.ready)
    planned = count(.planned)
    infeasible = count(.infeasible)
    failed = count(.failed)
  }
}

extension SweepDefinition {
  /// The digest of everything the scores depend on.
  var scoresKey: Digest {
    get throws {
      Digest(parts: [
        "scores-3", model.digest.hex, calibration.digest.hex, "\(calibration.count)",
        recipe.taps.rawValue, recipe.estimator.rawValue, recipe.kernel.rawValue,
        "\(recipe.tileSize)", "\(recipe.microBatch)", "\(recipe.beta)",
      ])
    }
  }
}

extension Scores {
  init(
    _ scores: ImportanceScores, key: Digest, definition: SweepDefinition, provenance: Data
  ) {
    self.init(
      key: key.hex, modelDigest: definition.model.digest.hex,
      dataDigest: definition.calibration.digest.hex, taps: scores.taps,
      tapKind: definition.recipe.taps.rawValue, estimator: scores.estimator.rawValue,
      samples: scores.samples, matrix: scores.nhsic.flatMap(\.self),
      importance: scores.importance, digest: scores.digest.hex, provenance: provenance)
  }
}

extension Variant {
  init(_ report: VariantReport, sweep: String, definition: SweepDefinition) {
    self.init(
      sweepID: sweep, device: report.device, deviceClass: report.deviceClass,
      status: Status(rawValue: report.status.rawValue) ?? .failed, reason: report.reason,
      model: definition.model.name, modelDigest: definition.model.digest.hex)
    macs = report.macs?.count
    parameters = report.parameters?.count
    modelBytes = report.modelBytes?.count
    peakActivationBytes = report.peakActivationBytes?.count
    latencySeconds = report.latency.map { Double($0.nanoseconds) / 1e9 }
    latencySpreadSeconds = report.latency.map { Double($0.spread) / 1e9 }
    predictedLatencySeconds = report.predictedLatency.map { Double($0) / 1e9 }
    latencySource = report.latencySource?.rawValue
    accuracy = report.evaluation?.accuracy
    accuracyTop5 = report.evaluation?.accuracyTop5
    accuracyBefore = report.evaluationBefore?.accuracy
    baselineAccuracy = report.baseline?.accuracy
    baselineTop5 = report.baseline?.accuracyTop5
    sameClass = report.evaluation?.sameClass
    cosine = report.evaluation?.cosine
    squaredError = report.evaluation?.squaredError
    images = report.evaluation?.samples
    accuracyLow = report.evaluation?.accuracyInterval?.lowerBound
    accuracyHigh = report.evaluation?.accuracyInterval?.upperBound
    accuracyFitted = report.evaluationFitted?.accuracy
    if let evaluation = report.evaluation {
      sharedImages = definition.sharedImages
      dataDigest = definition.evaluation?.digest.hex
      runtime = evaluation.runtimes.joined(separator: ", ")
    }
    criterion = definition.recipe.criterion
    reconstruction = report.reconstruction
    recoveredWith = report.status == .ready ? definition.recipe.recoverWith : nil
    objective = report.objective
    bound = report.bound
    gap = report.gap
    widths = report.widths
    budgets = report.budgets.mapValues { BudgetUse(limit: $0.limit, used: $0.used) }
    strategy = report.strategy
    digest = report.digest?.hex
  }
}
