import Digests
import NetworkGraph
import Recovery
import Surgery
import Tensors

extension Network {
  /// A layer as least squares sees it.
  ///
  /// - Parameter unitColumns: The columns that go together; see ``ConsumerLayer/columns(of:)``.
  func consumer(
    _ layer: ConsumerLayer, unitColumns: [[Int]], grams: [String: InputGram]
  ) throws -> ReconstructionConsumer {
    guard let gram = grams[layer.name], let weight = constant(layer.weight) else {
      throw PipelineError(.invalidInput, "layer \"\(layer.name)\" has no input Gram or no weight")
    }
    return ReconstructionConsumer(
      name: layer.name, weights: layer.inputAxis == 1 ? weight : weight.transposed,
      unitColumns: unitColumns, columnsPerChannel: layer.columnsPerChannel, gram: gram.shrunk,
      centred: layer.absorbsMean)
  }

  /// The network at full width whose layers make up for the channels they will lose.
  ///
  /// Each consumer of a pruned group gets the least-squares weights on the columns it keeps, and
  /// its bias, or the mean of the BatchNormalization after it, takes the change of the mean. What
  /// follows is exact surgery: removed columns are zero.
  func reconstructed(
    _ selection: ChannelSelection, groups: [ChannelGroup], grams: [String: InputGram]
  ) throws -> Network {
    var result = self
    let pruned = groups.filter { selection.units(of: $0).count < $0.width }
    // A weight that several layers read is cut, not fitted.
    for layer in consumerLayers(groups).withOwnWeights {
      var removed: [Int] = []
      for group in pruned {
        let columns = layer.columns(of: group)
        guard !columns.isEmpty else { continue }
        let kept = Set(selection.units(of: group))
        for unit in columns.indices where !kept.contains(unit) { removed += columns[unit] }
      }
      guard !removed.isEmpty else { continue }
      let update = try consumer(layer, unitColumns: [removed], grams: grams).updateWithout(unit: 0)
      result.replaceWeight(of: layer, with: update.denseWeights)
      if layer.absorbsMean { result.absorb(update.meanShift, in: layer) }
    }
    return result
  }

  mutating func replaceWeight(of layer: ConsumerLayer, with elements: [Float]) {
    guard let old = constant(layer.weight) else { return }
    self[layer.weight].constant =
      layer.inputAxis == 1
      ? Tensor(shape: old.shape, elements: elements)
      : Tensor(shape: old.shape.reversed(), elements: elements).transposed
  }

  /// Adds `shift`, by output channel, to what the layer computes.
  mutating func absorb(_ shift: [Double], in layer: ConsumerLayer) {
    if let bias = layer.bias, var constant = constant(bias), constant.count == shift.count {
      var factor = 1.0
      if case .gemm(let gemm) = nodes[layer.node].operation {
        factor = Double(gemm.alpha / gemm.beta)
      }
      for (channel, amount) in shift.enumerated() {
        constant.elements[channel] += Float(factor * amount)
      }
      self[bias].constant = constant
    } else if let id = layer.mean, var mean = constant(id) {
      // The BatchNorm subtracts its mean: a smaller mean is a larger output.
      for (channel, amount) in shift.enumerated() { mean.elements[channel] -= Float(amount) }
      self[id].constant = mean
    }
  }
}

extension Workbench {
  /// Summed Grams by layer name.
  func grams(_ digests: [String: Digest]) async throws -> [String: InputGram] {
    var result: [String: InputGram] = [:]
    for (name, digest) in digests {
      let gram: InputGram = try await cache.value(for: "gram/\(digest)") {
        let data = try await artifacts.data(for: digest)
        return (try InputGram(decoding: data), data.count)
      }
      result[name] = gram
    }
    return result
  }

  /// How far the outputs move when a selection is cut out and made up for.
  func outputChange(
    _ model: PreparedModel, selection: ChannelSelection, on trials: [RemovalTrial], microBatch: Int
  ) async throws -> Double {
    let shards = trials.flatMap(\.shards)
    let halted = try await halted(
      model, before: selection, shards: shards, microBatch: microBatch)
    // By shard: the form that it judges, and what of it lies behind the halt.
    var forms: [(whole: Network, rest: Segment)] = []
    for trial in trials {
      let grams = try await grams(trial.grams)
      let form = try await compute {
        let network = try model.network.reconstructed(
          selection, groups: model.groups, grams: grams
        ).pruned(selection, groups: model.groups)
        let rest = network.segment(
          (halted?.position ?? 0)..<network.nodes.count, outputs: network.outputs)
        return (whole: network, rest: Segment(rest, on: self.backend, microBatch: microBatch))
      }
      forms += repeatElement(form, count: trial.shards.count)
    }
    return try await outputChange(of: model, on: shards, microBatch: microBatch) {
      [forms] place in
      let shard = try await self.shard(shards[place])
      return try await self.compute {
        try halted.map { try self.runner.outputs(of: forms[place].rest, on: $0.frontiers[place]) }
          ?? self.runner.outputs(of: forms[place].whole, on: shard, microBatch: microBatch)
      }
    }
  }

  /// How far the outputs of another form of a model are from its own: the squared difference
  /// relative to the squared output, averaged over the network's outputs.
  func outputChange(
    _ model: PreparedModel, against network: Network, shards: [Digest], microBatch: Int
  ) async throws -> Double {
    try await outputChange(of: model, on: shards, microBatch: microBatch) { place in
      let shard = try await self.shard(shards[place])
      return try await self.compute {
        try self.runner.outputs(of: network, on: shard, microBatch: microBatch)
      }
    }
  }

  /// - Parameter changed: The other form's outputs, by place of the shard.
  private func outputChange(
    of model: PreparedModel, on shards: [Digest], microBatch: Int,
    changed: (Int) async throws -> [Tensor]
  ) async throws -> Double {
    var errors = [Double](repeating: 0, count: model.network.outputs.count)
    var powers = errors
    for (place, digest) in shards.enumerated() {
      let dense = try await features(
        of: model, at: model.network.outputs, shard: digest, microBatch: microBatch)
      let changed = try await changed(place)
      for output in dense.indices {
        for (a, b) in zip(dense[output].elements, changed[output].elements) {
          errors[output] += Double(a - b) * Double(a - b)
          powers[output] += Double(a) * Double(a)
        }
      }
    }
    // An output of nothing but zeros has no power to compare with: it counts as it is.
    let changes = zip(errors, powers).map { $0 / ($1 > 0 ? $1 : 1) }
    return changes.reduce(0, +) / Double(max(changes.count, 1))
  }
}

extension Network {
  /// The units with the largest weights, by the width that each group keeps.
  public func largest(_ widths: [Int], of groups: [ChannelGroup]) -> ChannelSelection {
    var selection = ChannelSelection()
    for group in groups where widths[group.id] < group.width {
      let magnitudes = magnitudes(of: group)
      let order = magnitudes.indices.sorted { (magnitudes[$1], $0) < (magnitudes[$0], $1) }
      selection.kept[group.id] = order.prefix(widths[group.id]).sorted()
    }
    return selection
  }

  /// By unit of a group: the squared weights that write it, for groups that no layer reads in a way
  /// that can be fitted.
  func magnitudes(of group: ChannelGroup) -> [Double] {
    var result = [Double](repeating: 0, count: group.width)
    for axis in weightAxes(writing: group) {
      guard let weight = constant(axis.value), let member = group.member(on: axis) else { continue }
      let inner = weight.shape[(axis.axis + 1)...].reduce(1, *)
      var squares = [Double](repeating: 0, count: weight.shape[axis.axis])
      for (place, element) in weight.elements.enumerated() {
        squares[place / inner % squares.count] += Double(element) * Double(element)
      }
      for (unit, indices) in member.indices.enumerated() {
        for index in indices { result[unit] += squares[index] }
      }
    }
    return result
  }
}
