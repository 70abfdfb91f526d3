import Foundation
import LinearAlgebra

/// The weights of one consumer at one width.
public struct ConsumerUpdate: Sendable, Hashable {
  /// O.
  public let outputs: Int
  /// Columns of the dense weight.
  public let columns: Int
  /// Columns that are left, ascending.
  public let keptColumns: [Int]
  /// W' on the kept columns, `[O, kept]`: the pruned layer's weight.
  public let compactWeights: [Float]
  /// (W − W') μ per output: what the pruned layer's mean lacks.
  ///
  /// Add it to the layer's bias, or subtract it from the mean of the BatchNorm behind. Zeros for a
  /// consumer that is not centred.
  public internal(set) var meanShift: [Double]
  /// ‖(W − W') U‖² / ‖W U‖², in the centred sense if the consumer is centred.
  public let relativeError: Double

  /// W' on all columns, `[O, columns]`, zeros at the removed ones.
  public var denseWeights: [Float] {
    var dense = [Float](repeating: 0, count: outputs * columns)
    for row in 0..<outputs {
      for (index, column) in keptColumns.enumerated() {
        dense[row * columns + column] = compactWeights[row * keptColumns.count + index]
      }
    }
    return dense
  }
}

/// What one pass over a group found: order of removal, error of every width, weights at some.
public struct ReconstructionDatabase: Sendable, Hashable {
  /// The weights of all consumers at one width.
  public struct Snapshot: Sendable, Hashable {
    /// Channels that are left, ascending.
    public let keptUnits: [Int]
    /// In the order of ``ReconstructionDatabase/consumers``.
    public let consumers: [ConsumerUpdate]

    public var width: Int { keptUnits.count }
  }

  /// Names of the consumers.
  public let consumers: [String]
  /// All units, the cheapest first.
  public let removalOrder: [Int]
  /// By width, 0…units: never rises with the width, 0 at full width.
  public let relativeError: [Double]
  /// Encoded snapshots by width; weights are large, and a reader wants one width.
  private let snapshots: [Int: Data]

  init(
    consumers: [String], removalOrder: [Int], relativeError: [Double], snapshots: [Snapshot]
  ) {
    self.consumers = consumers
    self.removalOrder = removalOrder
    self.relativeError = relativeError
    self.snapshots = Dictionary(
      uniqueKeysWithValues: snapshots.map { ($0.width, $0.encoded()) })
  }

  /// A group that no layer reads in a way that can be fitted: units leave in the order of their
  /// magnitudes, and the error is the share of the magnitude that is gone.
  ///
  /// - Parameters:
  ///   - magnitudes: By unit; not negative.
  ///   - order: Another order in which they leave.
  public init(magnitudes: [Double], order: [Int]? = nil) {
    let order = order ?? magnitudes.ascendingPlaces()
    let total = magnitudes.reduce(0, +)
    var gone = [0.0]
    for unit in order { gone.append(gone[gone.count - 1] + magnitudes[unit]) }
    let errors = gone.map { total > 0 ? $0 / total : 0 }
    self.init(
      consumers: [], removalOrder: order, relativeError: errors.reversed(), snapshots: [])
  }

  /// The number of channels of the group.
  public var units: Int { removalOrder.count }

  /// The widths that weights were kept at, ascending.
  public var widths: [Int] { snapshots.keys.sorted() }

  /// The channels that are left at a width, ascending.
  public func keptUnits(width: Int) -> [Int] { removalOrder.suffix(width).sorted() }

  /// The weights at a width; nil if none were kept there.
  ///
  /// - Throws: ``RecoveryError`` with `corrupted`.
  public func snapshot(width: Int) throws -> Snapshot? {
    try snapshots[width].map { try Snapshot(decoding: $0) }
  }
}

extension ReconstructionDatabase {
  private static let kind = "ERDB"
  private static let version: UInt32 = 1

  /// The database as a compact little-endian record.
  public func encoded() -> Data {
    var writer = RecordWriter(kind: Self.kind, version: Self.version)
    writer.write(consumers.count)
    for name in consumers { writer.write(name) }
    writer.write(units)
    writer.write(indices: removalOrder)
    writer.write(relativeError)
    writer.write(indices: widths)
    for width in widths { snapshots[width].map { writer.write($0) } }
    return writer.data
  }

  /// Reads a record; weights are decoded when a width is asked for.
  ///
  /// - Throws: ``RecoveryError`` with `corrupted`.
  public init(decoding data: Data) throws {
    self = try decodingRecord("a reconstruction database") {
      var reader = try RecordReader(data, kind: Self.kind, version: Self.version)
      let names = try (0..<(try reader.integer(in: 1...data.count))).map { _ in
        try reader.text()
      }
      let units = try reader.integer(in: 1...data.count)
      let order = try reader.indices(below: units)
      let errors = try reader.doubles(units + 1)
      let widths = try reader.indices(below: units + 1)
      var snapshots: [Int: Data] = [:]
      for width in widths { snapshots[width] = try reader.blob() }
      try reader.finish()
      guard Set(order).count == units, snapshots.count == widths.count else {
        throw RecoveryError(.corrupted, "a reconstruction database names channels or widths twice")
      }
      return Self(
        consumers: names, removalOrder: order, relativeError: errors, encodedSnapshots: snapshots)
    }
  }

  private init(
    consumers: [String], removalOrder: [Int], relativeError: [Double],
    encodedSnapshots: [Int: Data]
  ) {
    self.consumers = consumers
    self.removalOrder = removalOrder
    self.relativeError = relativeError
    snapshots = encodedSnapshots
  }
}

extension ReconstructionDatabase.Snapshot {
  private static let kind = "ERSN"
  private static let version: UInt32 = 1

  func encoded() -> Data {
    var writer = RecordWriter(kind: Self.kind, version: Self.version)
    writer.write((keptUnits.last ?? -1) + 1)
    writer.write(indices: keptUnits)
    writer.write(consumers.count)
    for consumer in consumers {
      writer.write(consumer.outputs)
      writer.write(consumer.columns)
      writer.write(indices: consumer.keptColumns)
      writer.write(consumer.compactWeights)
      writer.write(consumer.meanShift + [consumer.relativeError])
    }
    return writer.data
  }

  init(decoding data: Data) throws {
    self = try decodingRecord("a reconstruction's weights") {
      // Counts are bounded, so that a corrupted one asks for no memory; 2²⁰ columns are plenty.
      let limit = 1 << 20
      var reader = try RecordReader(data, kind: Self.kind, version: Self.version)
      let kept = try reader.indices(below: try reader.integer(in: 0...limit))
      let count = try reader.integer(in: 1...limit)
      let consumers = try (0..<count).map { _ in
        let (outputs, columns) = (
          try reader.integer(in: 1...limit), try reader.integer(in: 1...limit)
        )
        let keptColumns = try reader.indices(below: columns)
        let weights = try reader.floats(outputs * keptColumns.count)
        let tail = try reader.doubles(outputs + 1)
        return ConsumerUpdate(
          outputs: outputs, columns: columns, keptColumns: keptColumns, compactWeights: weights,
          meanShift: Array(tail.dropLast()), relativeError: tail[outputs])
      }
      try reader.finish()
      return Self(keptUnits: kept, consumers: consumers)
    }
  }
}
