import Foundation
import NetworkGraph

/// Elementwise functions that oneDNN has none for, or (the logarithm, off by up to 4e-6) none that
/// is exact to within rounding.
enum ElementMap {
  typealias Loop = (_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int)
    -> Void

  /// The loop of a function; nil where oneDNN computes it.
  static func loop(_ activation: Activation) -> Loop? {
    switch activation {
    case .thresholdedRelu(let alpha): loop { $0 > alpha ? $0 : 0 }
    case .softsign: loop { $0 / (1 + abs($0)) }
    case .erf: loop { erff($0) }
    case .logarithm: loop { logf($0) }
    case .floor: loop { $0.rounded(.down) }
    case .ceiling: loop { $0.rounded(.up) }
    default: nil
    }
  }

  @inline(__always)
  private static func loop(_ function: @escaping (Float) -> Float) -> Loop {
    { x, y, count in for place in 0..<count { y[place] = function(x[place]) } }
  }
}
