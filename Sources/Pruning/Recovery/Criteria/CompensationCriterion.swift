import LinearAlgebra
import Tensors

/// CaP: the unit goes first whose weight times what the other channels cannot explain of it is
/// least, and its share is folded into them; step by step.
///
///     loss(s) = ‖W[:, s]‖² / [G⁻¹]_ss
///
/// with G the second moments of channels, pooled over the kernel's taps: one small matrix however
/// large the kernel. This is OBS with the input's covariance between taps left out.
///
/// Reference: Xie et al., "Pruning with Compensation", arXiv 2108.13728. The formula is a
/// reconstruction from the abstract.
public struct CompensationCriterion: ChannelCriterion {
  public let name = "cap"
  public let summary = "the least weight × what other channels cannot explain (CaP)"

  public init() {}

  public func removalOrder(of group: GroupEvidence) throws -> [Int]? {
    guard !group.consumers.isEmpty else { return nil }
    return try GroupReconstruction(consumers: group.consumers.map(\.pooledOverTaps))
      .database(widths: []).removalOrder
  }
}

extension ReconstructionConsumer {
  /// The layer as one that reads whole channels, each tap of the kernel as outputs of its own:
  /// weights `[O · taps, C]`, and the moments of channels averaged over taps.
  var pooledOverTaps: ReconstructionConsumer {
    let taps = columnsPerChannel
    guard taps > 1 else { return self }
    let channels = gram.columns / taps
    var result = self
    result.columnsPerChannel = 1
    result.unitColumns = unitColumns.map { Set($0.map { $0 / taps }).sorted() }
    result.weights = Tensor(shape: [outputs * taps, channels])
    for output in 0..<outputs {
      for column in 0..<gram.columns {
        result.weights.elements[(output * taps + column % taps) * channels + column / taps] =
          weights.elements[output * gram.columns + column]
      }
    }
    result.gram = gram.pooled(taps: taps)
    return result
  }
}

extension InputGram {
  /// The moments of channels, each the mean of those of its taps.
  fileprivate func pooled(taps: Int) -> InputGram {
    var result = InputGram(columns: columns / taps, positionStride: positionStride)
    result.positions = positions
    for (column, sum) in sums.enumerated() { result.sums[column / taps] += sum / Double(taps) }
    var place = 0
    for i in 0..<columns {
      for j in i..<columns {
        defer { place += 1 }
        guard i % taps == j % taps else { continue }
        let (row, column) = (i / taps, j / taps)
        result.products[row * result.columns - row * (row + 1) / 2 + column] +=
          products[place] / Double(taps)
      }
    }
    return result
  }
}
