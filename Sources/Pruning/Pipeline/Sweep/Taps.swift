import NetworkGraph

extension Network {
  /// The values that nHSIC is taken between, in execution order.
  ///
  /// - Throws: ``PipelineError`` with `invalidInput` where the network has none of the kind.
  func taps(_ kind: TapKind, groups: [ChannelGroup]) throws -> [ValueID] {
    let taps =
      switch kind {
      case .groups: groups.filter(\.isPrunable).compactMap(tap)
      case .blocks: blockOutputs()
      case .batchnorm: normalisedOutputs()
      }
    let order = Dictionary(
      nodes.enumerated().map { ($1.output, $0) }, uniquingKeysWith: { first, _ in first })
    let unique = Set(taps).sorted { order[$0, default: 0] < order[$1, default: 0] }
    guard unique.count > 1 else {
      throw PipelineError(
        .invalidInput,
        "the network has \(unique.count) taps of kind '\(kind.rawValue)'; nHSIC compares two or more"
      )
    }
    return unique
  }

  /// A group's own activation: the last one with space that is no wider than the group need be.
  ///
  /// Channels of a residual sum live on in the wider sums of later stages, where other groups join
  /// them; the narrowest values are those of the group's own stage.
  func tap(of group: ChannelGroup) -> ValueID? {
    let activations = group.members.map(\.axis).filter {
      self[$0.value].constant == nil && self[$0.value].shape.rank > 2
    }
    // What global pooling leaves has the rank of an image and no space: only if all is so, it will do.
    let spatial = activations.filter {
      let shape = self[$0.value].shape
      return shape.elementsPerImage > (shape[$0.axis].extent ?? 1)
    }
    let candidates = spatial.isEmpty ? activations : spatial
    let extents = candidates.map { self[$0.value].shape[$0.axis].extent ?? .max }
    guard let narrowest = extents.min() else { return nil }
    let producers = self.producers()
    return zip(candidates, extents).filter { $0.1 == narrowest }.map(\.0.value)
      .max { (producers[$0.index] ?? -1) < (producers[$1.index] ?? -1) }
  }

  /// Sums, each after the activation that alone reads it.
  private func blockOutputs() -> [ValueID] {
    let consumers = self.consumers()
    return nodes.compactMap { node in
      guard case .elementwise(.add) = node.operation,
        node.inputs.allSatisfy({ constant($0) == nil })
      else {
        return nil
      }
      if let reader = onlyReader(of: node.output, consumers: consumers),
        case .activation = nodes[reader].operation
      {
        return nodes[reader].output
      }
      return node.output
    }
  }

  private func normalisedOutputs() -> [ValueID] {
    let normalised = nodes.filter {
      if case .batchNormalization = $0.operation { true } else { false }
    }
    let convolutions = nodes.filter { if case .convolution = $0.operation { true } else { false } }
    return (normalised.isEmpty ? convolutions : normalised).map(\.output)
  }
}

extension Network {
  /// Elements that one image leaves at the taps, or at the inputs of the layers that least squares
  /// fits, whichever are more: what a job on a tile of images holds.
  public func featuresPerImage(_ kind: TapKind) throws -> Int {
    let groups = channelGroups()
    let inputs = Set(consumerLayers(groups).map(\.input))
    return max(
      try taps(kind, groups: groups).reduce(0) { $0 + self[$1].shape.elementsPerImage },
      inputs.reduce(0) { $0 + self[$1].shape.elementsPerImage })
  }
}
