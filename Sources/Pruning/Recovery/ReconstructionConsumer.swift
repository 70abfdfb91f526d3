import Tensors

/// A layer that reads the channels of a group, with what is known of its input.
public struct ReconstructionConsumer: Sendable {
  /// For messages and to find the layer again.
  public var name: String
  /// W, `[O, …]` with O × `gram.columns` elements: a convolution's or a transposed Gemm's weight.
  public var weights: Tensor
  /// Columns of W that each unit of the group owns. Other columns belong to other groups: they
  /// stay, and take part in the update.
  public var unitColumns: [[Int]]
  /// Consecutive columns that one channel owns: the taps of a kernel.
  public var columnsPerChannel = 1
  public var gram: InputGram
  /// Whether something after the layer absorbs a constant (its bias or a BatchNorm): then only the
  /// variation of the output is fitted, and its mean is restored by the mean shift.
  public var centred: Bool

  public init(
    name: String, weights: Tensor, unitColumns: [[Int]], columnsPerChannel: Int = 1,
    gram: InputGram, centred: Bool
  ) {
    self.name = name
    self.weights = weights
    self.unitColumns = unitColumns
    self.columnsPerChannel = columnsPerChannel
    self.gram = gram
    self.centred = centred
  }

  /// O.
  var outputs: Int { weights.shape.first ?? 0 }

  /// Throws unless the parts fit each other and a group of `units`.
  func check(units: Int) throws {
    let owned = unitColumns.flatMap(\.self)
    guard weights.count == outputs * gram.columns, outputs > 0, unitColumns.count == units,
      columnsPerChannel > 0, gram.columns % columnsPerChannel == 0,
      Set(owned).count == owned.count, owned.allSatisfy({ (0..<gram.columns).contains($0) }),
      gram.positions > 0
    else {
      throw RecoveryError(
        .shapeMismatch,
        """
        layer '\(name)': weights \(weights.shape), moments of \(gram.columns) columns at \
        \(gram.positions) positions and \(owned.count) columns of \(unitColumns.count) units \
        (group: \(units)) do not fit together
        """)
    }
  }
}

extension ReconstructionConsumer {
  /// The exact least-squares weights of this layer alone after `unit`'s columns are gone.
  ///
  /// For a fixed set of columns the order of removal does not matter, so the columns of several
  /// groups may be named as one unit.
  ///
  /// - Throws: ``RecoveryError`` with `shapeMismatch` or `singular`, naming the layer.
  public func updateWithout(
    unit: Int, configuration: GroupReconstruction.Configuration = .init()
  ) throws -> ConsumerUpdate {
    try check(units: unitColumns.count)
    return try ConsumerState(self, relativeDamping: configuration.relativeDamping)
      .update(removing: [unit])
  }
}
