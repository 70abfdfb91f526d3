/// What a device can do at most, for estimates where no layer was measured: a layer takes as long
/// as its arithmetic or its traffic, whichever is longer, and a little more.
public struct Roofline: Sendable, Hashable, Codable {
  /// Multiply–accumulates a second, above 0.
  public let macsPerSecond: Double
  /// Bytes a second between memory and arithmetic, above 0.
  public let bytesPerSecond: Double
  /// What every layer takes beside, in nanoseconds.
  public let layerOverhead: Double

  public init(macsPerSecond: Double, bytesPerSecond: Double, layerOverhead: Double = 0) {
    self.macsPerSecond = macsPerSecond
    self.bytesPerSecond = bytesPerSecond
    self.layerOverhead = layerOverhead
  }

  /// An estimate in nanoseconds, rounded up.
  public func nanoseconds(macs: Int64, bytes: Int64) -> Int64 {
    let work = max(Double(macs) / macsPerSecond, Double(bytes) / bytesPerSecond)
    // What is above a whole number by rounding alone is that number.
    return Int64((layerOverhead + 1e9 * work - 1e-6).rounded(.up))
  }
}
