/// Measured times, and energies where they are known, of layers by their shape and channels.
public struct LatencyTable: Sendable, Hashable, Codable {
  /// One measurement.
  public struct Point: Sendable, Hashable, Codable {
    /// Channels read, and written.
    public var input: Int
    public var output: Int
    /// The median time for one image, in nanoseconds.
    public var nanoseconds: Double
    /// Half the distance between the quartiles, in nanoseconds.
    public var spread: Double
    /// For one image, in nanojoules.
    public var nanojoules: Double?

    public init(
      input: Int, output: Int, nanoseconds: Double, spread: Double = 0, nanojoules: Double? = nil
    ) {
      self.input = input
      self.output = output
      self.nanoseconds = nanoseconds
      self.spread = spread
      self.nanojoules = nanojoules
    }
  }

  /// A fact about the measurement, for people: library versions, threads, and so on.
  public struct Remark: Sendable, Hashable, Codable {
    public var key: String
    public var text: String

    public init(_ key: String, _ text: String) {
      self.key = key
      self.text = text
    }
  }

  /// The points of one shape, ascending by channels read, then written.
  public struct Layer: Sendable, Hashable, Codable {
    /// As `NetworkLayer.shape` has it.
    public var shape: String
    public var points: [Point]

    public init(shape: String, points: [Point]) {
      self.shape = shape
      self.points = points.sorted { ($0.input, $0.output) < ($1.input, $1.output) }
    }
  }

  /// The device that was measured.
  public var device: String
  public var remarks: [Remark]
  /// In order of shapes.
  public var layers: [Layer]

  public init(device: String, remarks: [Remark] = [], layers: [Layer]) {
    self.device = device
    self.remarks = remarks
    self.layers = layers.sorted { $0.shape < $1.shape }
  }

  /// The layer of a shape.
  public func layer(_ shape: String) -> Layer? { layers.first { $0.shape == shape } }

  /// The shape of what a run takes beside its layers: one point, of no channels.
  public static let overhead = "(run)"
}
