import Devices
import NetworkGraph

/// Where a device's times and energies of layers come from: a table, peak rates, or both.
public struct LayerTimes: Sendable {
  /// `latency`, or `energy`.
  public let resource: BudgetResource
  private let surfaces: [String: LatencySurface]
  private let roofline: Roofline?
  /// What a run takes beside its layers.
  private let overhead: Int64

  /// - Parameters:
  ///   - table: What was measured.
  ///   - roofline: What times are estimated from where nothing was.
  public init(
    table: LatencyTable?, roofline: Roofline? = nil, resource: BudgetResource = .latency
  ) {
    precondition(resource.isTabulated, "\(resource.rawValue) is in no table")
    self.resource = resource
    self.roofline = resource == .latency ? roofline : nil
    var surfaces: [String: LatencySurface] = [:]
    for layer in table?.layers ?? [] {
      surfaces[layer.shape] =
        resource == .latency ? table?.times(layer.shape) : table?.energies(layer.shape)
    }
    overhead = surfaces[LatencyTable.overhead]?.value(input: 0, output: 0)?.value ?? 0
    self.surfaces = surfaces
  }

  /// The costs of layers, and what a run takes beside.
  ///
  /// - Parameter widths: The dense widths, by group.
  /// - Throws: ``AllocationError`` that lists what no table knows.
  func costs(of layers: [NetworkLayer], widths: [Int]) throws -> (
    layers: [LayerCost], constant: Int64
  ) {
    var missing: [String] = []
    let costs = layers.compactMap { layer -> LayerCost? in
      guard !layer.hasVariableShape else {
        missing.append("\(layer.name) (an extent beside the channels changes when it is pruned)")
        return nil
      }
      let (x, y) = (layer.input.value(widths: widths), layer.output.value(widths: widths))
      let surface = surfaces[layer.shape]
      if let surface, surface.value(input: x, output: y) != nil {
        return LayerCost(
          name: layer.name, input: layer.input, output: layer.output, values: .surface(surface))
      }
      if let roofline {
        return LayerCost(
          name: layer.name, input: layer.input, output: layer.output,
          values: .roofline(roofline, layer.work))
      }
      missing.append(Self.key(layer.shape, x, y))
      return nil
    }
    try refuse(missing)
    return (costs, overhead)
  }

  /// What a network is predicted to take as it stands.
  ///
  /// - Parameters:
  ///   - layers: Its layers.
  ///   - widths: Of its groups.
  /// - Throws: ``AllocationError`` that lists what no table knows.
  public func prediction(of layers: [NetworkLayer], widths: [Int]) throws -> LatencyPrediction {
    var missing: [String] = []
    let entries = layers.compactMap { layer -> LatencyPrediction.Entry? in
      let (x, y) = (layer.input.value(widths: widths), layer.output.value(widths: widths))
      var found = surfaces[layer.shape]?.value(input: x, output: y)
      if found == nil, let roofline {
        let (macs, bytes) = (
          layer.work.macs(input: x, output: y), layer.work.bytes(input: x, output: y)
        )
        found = (roofline.nanoseconds(macs: macs, bytes: bytes), .estimated)
      }
      guard let found else {
        missing.append(Self.key(layer.shape, x, y))
        return nil
      }
      return LatencyPrediction.Entry(
        name: layer.name, shape: layer.shape, input: x, output: y, amount: found.value,
        source: found.source)
    }
    try refuse(missing)
    return LatencyPrediction(entries: entries, overhead: overhead)
  }

  private static func key(_ shape: String, _ x: Int, _ y: Int) -> String { "\(shape), \(x) → \(y)" }

  private func refuse(_ missing: [String]) throws {
    guard !missing.isEmpty else { return }
    let distinct = Set(missing).sorted()
    throw AllocationError(
      .invalidProblem,
      """
      the \(resource.name) of \(distinct.count) kinds of layers is not known; measure them with \
      `espalier profile`\(resource == .latency ? ", or give the device a roofline" : ""):
      \(distinct.map { "  \($0)" }.joined(separator: "\n"))
      """)
  }
}

/// What a network is predicted to take, layer by layer.
public struct LatencyPrediction: Sendable, Hashable, Codable {
  public struct Entry: Sendable, Hashable, Codable {
    /// The layer's first node.
    public var name: String
    public var shape: String
    public var input: Int
    public var output: Int
    /// Nanoseconds, or nanojoules.
    public var amount: Int64
    public var source: LatencySurface.Source
  }

  public var entries: [Entry]
  /// What a run takes beside its layers.
  public var overhead: Int64

  public var total: Int64 { entries.reduce(overhead) { $0 + $1.amount } }

  /// How the least certain of its parts is known.
  public var source: LatencySurface.Source { entries.map(\.source).max() ?? .measured }
}
