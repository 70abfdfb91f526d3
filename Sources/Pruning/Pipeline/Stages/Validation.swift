import Datasets
import Digests
import Foundation
import Importance
import LinearAlgebra
import Recovery

/// What the coordinator looks at before it takes a worker's word: that everything named is there and
/// whole, and is about the job's own tiles, taps, layers and images.
///
/// The numbers themselves are not computed again.
extension JobComputation {
  public func validate(_ outcome: Outcome<Summary>, on bench: Workbench) async throws {
    for artifact in outcome.artifacts { _ = try await bench.artifacts.data(for: artifact) }
  }
}

extension KernelMeasurement {
  func validate(_ outcome: Outcome<Summary>, on bench: Workbench) async throws {
    let data = try await bench.onlyArtifact(of: outcome)
    let reference = try KernelReference(decoding: data)
    guard reference.kernel == kernel, reference.centres.count == taps.count else {
      throw PipelineError(
        .wrongResult,
        """
        the \(reference.kernel.rawValue) kernel of \(reference.centres.count) taps where the \
        \(kernel.rawValue) kernel of \(taps.count) was asked for
        """)
    }
  }
}

extension TilePairScores {
  func validate(_ outcome: Outcome<NoSummary>, on bench: Workbench) async throws {
    let data = try await bench.onlyArtifact(of: outcome)
    let statistics = try TilePairStatistics(decoding: data)
    guard statistics.pair == pair, statistics.taps == taps else {
      throw PipelineError(
        .wrongResult,
        """
        statistics of tiles \(statistics.pair) at \(statistics.taps.count) taps where those of \
        \(pair) at \(taps.count) taps were asked for, or of taps of other names
        """)
    }
    let (rows, columns) = (firstImages, second == nil ? 0 : secondImages ?? 0)
    guard statistics.rowSums.columns == rows, statistics.columnSums.columns == columns else {
      throw PipelineError(
        .wrongResult,
        """
        statistics of \(statistics.rowSums.columns) × \(statistics.columnSums.columns) images \
        where tiles \(pair) have \(rows) × \(columns)
        """)
    }
  }
}

extension InputGrams {
  func validate(_ outcome: Outcome<NoSummary>, on bench: Workbench) async throws {
    let data = try await bench.onlyArtifact(of: outcome)
    let grams = try Bundle.unpacked(data, of: outcome.artifacts[0])
    guard grams.count == layers.count else {
      throw PipelineError(.wrongResult, "\(grams.count) Grams for \(layers.count) layers")
    }
    for gram in grams { _ = try InputGram(decoding: gram) }
  }
}

extension GroupOrder {
  func validate(_ outcome: Outcome<Summary>, on bench: Workbench) async throws {
    let summary = outcome.summary
    guard summary.removalOrder.sorted() == Array(summary.removalOrder.indices),
      summary.relativeError.count == summary.removalOrder.count + 1
    else {
      throw PipelineError(
        .wrongResult,
        """
        an order of \(summary.removalOrder.count) units with \(summary.relativeError.count) \
        errors, or with a unit twice
        """)
    }
  }
}

extension PlanSurgery {
  func validate(_ outcome: Outcome<Summary>, on bench: Workbench) async throws {
    guard outcome.artifacts.count == 2 else {
      throw PipelineError(.wrongResult, "\(outcome.artifacts.count) networks where 2 are made")
    }
    for artifact in outcome.artifacts { _ = try await bench.network(artifact) }
  }
}

extension JointTraining {
  func validate(_ outcome: Outcome<Summary>, on bench: Workbench) async throws {
    let summary = outcome.summary
    let errors = [summary.errorBefore, summary.error].compactMap(\.self)
    guard errors.allSatisfy({ $0 >= 0 }), momentum == nil || summary.errorBefore == nil else {
      throw PipelineError(.wrongResult, "errors of \(errors)")
    }
    guard outcome.artifacts.count == (summary.error == nil ? 0 : isLast ? 1 : 2) else {
      throw PipelineError(
        .wrongResult, "\(outcome.artifacts.count) artifacts of a stretch of steps")
    }
    if let end = outcome.artifacts.first {
      let start = try await bench.network(network)
      if let difference = try await bench.network(end).difference(from: start) {
        throw PipelineError(.wrongResult, difference)
      }
    }
    for digest in outcome.artifacts.dropFirst() {
      _ = try JointReconstruction.Momentum(decoding: try await bench.artifacts.data(for: digest))
    }
  }
}

extension ShardEvaluation {
  func validate(_ outcome: Outcome<Evaluation>, on bench: Workbench) async throws {
    let (evaluation, images) = (outcome.summary, try await bench.images(in: shard))
    let counts = [evaluation.correct, evaluation.correctTop5, evaluation.agreement?.sameClass]
    guard evaluation.samples == images,
      counts.allSatisfy({ $0.map { (0...images).contains($0) } ?? true })
    else {
      throw PipelineError(
        .wrongResult, "counts of \(evaluation.samples) images for a shard of \(images)")
    }
    guard outcome.artifacts.count <= (dense == nil ? 1 : 0) else {
      throw PipelineError(.wrongResult, "\(outcome.artifacts.count) artifacts of an evaluation")
    }
    for artifact in outcome.artifacts {
      let outputs = try DataShard(decoding: try await bench.artifacts.data(for: artifact))
      guard outputs.count == images else {
        throw PipelineError(
          .wrongResult, "outputs for \(outputs.count) images of a shard of \(images)")
      }
    }
  }
}

extension Workbench {
  fileprivate func onlyArtifact<Summary>(of outcome: Outcome<Summary>) async throws -> Data {
    guard outcome.artifacts.count == 1 else {
      throw PipelineError(.wrongResult, "\(outcome.artifacts.count) artifacts where 1 is made")
    }
    return try await artifacts.data(for: outcome.artifacts[0])
  }

  /// How many images a shard holds.
  fileprivate func images(in shard: Digest) async throws -> Int {
    try await cache.value(for: "images/\(shard)") { [artifacts] in
      (try DataShard(decoding: try await artifacts.data(for: shard)).count, 64)
    }
  }
}
