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
      unitColumns: unitColumns, gram: gram, centred: layer.absorbsMean)
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
    let layers = consumerLayers(groups)
    // One weight read by several layers has no one input to be fitted to: it is cut, not fitted.
    let readers = Dictionary(grouping: layers, by: \.weight)
    for layer in layers where readers[layer.weight]?.count == 1 {
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

  private mutating func replaceWeight(of layer: ConsumerLayer, with elements: [Float]) {
    guard let old = constant(layer.weight) else { return }
    self[layer.weight].constant =
      layer.inputAxis == 1
      ? Tensor(shape: old.shape, elements: elements)
      : Tensor(shape: old.shape.reversed(), elements: elements).transposed
  }

  /// Adds `shift`, by output channel, to what the layer computes.
  private mutating func absorb(_ shift: [Double], in layer: ConsumerLayer) {
    if let bias = layer.bias, var constant = constant(bias), constant.count == shift.count {
      var factor = 1.0
      if case .gemm(let gemm) = nodes[layer.node].operation {
        factor = Double(gemm.alpha / gemm.beta)
      }
      for (channel, amount) in shift.enumerated() {
        constant.elements[channel] += Float(factor * amount)
      }
      self[bias].constant = constant
    } else if let normalisation = layer.normalisation,
      let id = nodes[normalisation].inputs[3], var mean = constant(id)
    {
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

  /// The mean squared difference of the outputs that pruning makes, per image and output.
  func logitChange(
    _ model: PreparedModel, selection: ChannelSelection, grams: [String: InputGram],
    shards: [Digest], microBatch: Int
  ) async throws -> Double {
    let network = try await compute {
      try model.network.reconstructed(selection, groups: model.groups, grams: grams)
        .pruned(selection, groups: model.groups)
    }
    return try await logitChange(model, against: network, shards: shards, microBatch: microBatch)
  }

  /// The mean squared difference of the outputs of a model and of another form of it.
  func logitChange(
    _ model: PreparedModel, against network: Network, shards: [Digest], microBatch: Int
  ) async throws -> Double {
    var sum = 0.0
    var count = 0
    for digest in shards {
      let dense = try await features(
        of: model, at: [model.network.outputs[0]], shard: digest, microBatch: microBatch)
      let shard = try await shard(digest)
      let changed = try await compute {
        try self.runner.run(network, on: shard, taps: [network.outputs[0]], microBatch: microBatch)
      }
      for (a, b) in zip(dense[0].elements, changed[0].elements) {
        sum += Double(a - b) * Double(a - b)
      }
      count += dense[0].count
    }
    return sum / Double(max(count, 1))
  }
}

extension Tensor {
  /// Rows and columns exchanged, of a matrix.
  fileprivate var transposed: Tensor {
    let (rows, columns) = (shape[0], shape[1])
    var result = Tensor(shape: [columns, rows])
    for row in 0..<rows {
      for column in 0..<columns {
        result.elements[column * rows + row] = elements[row * columns + column]
      }
    }
    return result
  }
}
