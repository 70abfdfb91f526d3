import Catalogue
import Digests
import Foundation
import JobEngine
import Pipeline

extension Coordinator {
  /// Writes down what a sweep found: scores, variants, and that it is done.
  func finish(_ id: String, _ definition: SweepDefinition, _ report: SweepReport) async throws {
    let key = try definition.scoresKey
    try await stores.scores.save(
      ScoreRecord(
        key: key, modelDigest: definition.model.digest, dataDigest: definition.calibration.digest,
        tapKind: definition.recipe.taps.rawValue, scores: report.scores,
        provenance: provenance(definition)))
    let recipe = try CanonicalJSON.encode(definition.recipe)
    for variant in report.variants {
      try await stores.variants.save(
        Variant(variant, sweep: id, definition: definition), sweepID: id, recipe: recipe)
    }
    try await stores.sweeps.complete(
      id, scoresKey: key, report: try CanonicalJSON.encode(SweepOutcome(report)))
    logger.notice("sweep completed", metadata: ["sweep.id": "\(id)", "name": "\(definition.name)"])
  }

  /// What the bits of the scores depend on beside model, data and recipe.
  private func provenance(_ definition: SweepDefinition) -> [String: String] {
    let sets = Set(connectedWorkers.map(\.hello.backend.instructionSet)).sorted()
    let versions = Set(connectedWorkers.map { "\($0.hello.backend.name) \($0.hello.backend.version)" })
    return [
      "tile_size": "\(definition.recipe.tileSize)",
      "micro_batch": "\(definition.recipe.microBatch)",
      "instruction_sets": sets.joined(separator: ", "),
      "backends": versions.sorted().joined(separator: ", "),
    ]
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
        "scores-1", model.digest.hex, calibration.digest.hex, "\(calibration.count)",
        recipe.taps.rawValue, "\(recipe.tileSize)", "\(recipe.microBatch)", "\(recipe.beta)",
      ])
    }
  }
}
