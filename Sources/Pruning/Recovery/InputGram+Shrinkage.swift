extension InputGram {
  /// The moments with covariances between columns drawn towards zero by the share
  /// columns / (positions + columns).
  ///
  /// With fewer positions than columns, every column looks like a combination of the others: a fit
  /// would be exact on the images at hand and worthless on all others, and removing any channel
  /// would seem to cost nothing. Shrinking towards the diagonal keeps what many positions agree on.
  /// Where positions are plenty it changes next to nothing.
  ///
  /// Reference: Schäfer & Strimmer, "A Shrinkage Approach to Large-Scale Covariance Matrix
  /// Estimation", 2005, target "diagonal, unequal variance", with a fixed intensity.
  public var shrunk: InputGram {
    var result = self
    let share = Double(columns) / Double(max(positions, 1) + columns)
    let mean = mean
    var place = 0
    for i in 0..<columns {
      for j in i..<columns {
        if j > i {
          result.products[place] -= share * (products[place] - sums[i] * mean[j])
        }
        place += 1
      }
    }
    return result
  }
}
