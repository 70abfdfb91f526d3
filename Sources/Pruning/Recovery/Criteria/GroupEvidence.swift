/// What is known of a group's channels: all that a criterion may look at.
public struct GroupEvidence: Sendable {
  /// A layer that writes the channels.
  public struct Producer: Sendable, Hashable {
    public var name: String
    /// By unit: the weights that write it.
    public var filters: [[Double]]
    /// The same, multiplied by γ / √(variance + ε) of the BatchNorm behind, if there is one.
    public var foldedFilters: [[Double]]

    public init(name: String, filters: [[Double]], foldedFilters: [[Double]]) {
      self.name = name
      self.filters = filters
      self.foldedFilters = foldedFilters
    }
  }

  /// The number of channels.
  public var units: Int
  public var producers: [Producer]
  /// By BatchNorm over the channels, and unit: |γ|.
  public var scales: [[Double]]
  /// Layers that least squares can fit; none where nothing reads the group in such a way.
  public var consumers: [ReconstructionConsumer]

  public init(
    units: Int, producers: [Producer], scales: [[Double]], consumers: [ReconstructionConsumer]
  ) {
    self.units = units
    self.producers = producers
    self.scales = scales
    self.consumers = consumers
  }

  /// By unit: all weights that write it.
  var filters: [[Double]] {
    (0..<units).map { unit in producers.flatMap { $0.filters[unit] } }
  }

  /// By unit: the standard deviation that its BatchNorms give it, those of several added as if they
  /// were independent; 1 where there is none.
  var deviations: [Double] {
    guard !scales.isEmpty else { return Array(repeating: 1, count: units) }
    return (0..<units).map { unit in
      scales.reduce(0) { $0 + $1[unit] * $1[unit] }.squareRoot()
    }
  }

  /// Order of removal and error at every width.
  ///
  /// Without a reader that could be fitted, the error is the share of squared weights that is gone,
  /// and the smallest go first unless the criterion has another order.
  ///
  /// - Throws: ``RecoveryError`` of the least-squares pass, or `shapeMismatch` where the criterion
  ///   gives no permutation.
  public func database(by criterion: any ChannelCriterion) throws -> ReconstructionDatabase {
    let order = try criterion.removalOrder(of: self)
    if let order, order.sorted() != Array(0..<units) {
      throw RecoveryError(
        .shapeMismatch, "criterion '\(criterion.name)' gives no order of \(units) channels")
    }
    guard !consumers.isEmpty else {
      return ReconstructionDatabase(
        magnitudes: filters.map { $0.reduce(0) { $0 + $1 * $1 } }, order: order)
    }
    return try GroupReconstruction(consumers: consumers).database(widths: [], order: order)
  }
}
