import Testing

/// Expects two arrays to agree element by element, and names the worst element if they do not.
///
/// - Parameter tolerance: The greatest allowed absolute difference.
public func expectClose<Number: BinaryFloatingPoint>(
  _ actual: [Number], _ expected: [Number], tolerance: Number,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard actual.count == expected.count else {
    Issue.record(
      "\(actual.count) elements instead of \(expected.count)", sourceLocation: sourceLocation)
    return
  }
  var worst = (index: 0, difference: Number(0))
  for index in actual.indices {
    let difference = abs(actual[index] - expected[index])
    // A NaN is the worst of all: no comparison with it holds.
    if !(difference <= worst.difference) { worst = (index, difference) }
    if difference.isNaN { break }
  }
  if !(worst.difference <= tolerance) {
    Issue.record(
      """
      element \(worst.index) is \(actual[worst.index]) instead of \(expected[worst.index]): \
      off by \(worst.difference), tolerance \(tolerance)
      """, sourceLocation: sourceLocation)
  }
}
