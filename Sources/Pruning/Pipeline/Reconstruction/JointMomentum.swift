import Foundation
import LinearAlgebra
import Recovery

extension JointReconstruction {
  /// What steps have besides the network that they have come to.
  struct Momentum: Sendable {
    /// How far a step goes at most.
    var rate: Double
    var directions = AdamDirections()
  }
}

extension JointReconstruction.Momentum {
  private static let kind = "EJMO"
  private static let version: UInt32 = 1

  /// As an artifact.
  func encoded() -> Data {
    var record = RecordWriter(kind: Self.kind, version: Self.version)
    record.write([rate])
    directions.write(to: &record)
    return record.data
  }

  /// - Throws: ``LinearAlgebraError`` with `corruptedRecord`.
  init(decoding data: Data) throws {
    var record = try RecordReader(data, kind: Self.kind, version: Self.version)
    rate = try record.doubles(1)[0]
    directions = try AdamDirections(from: &record)
    try record.finish()
  }
}
