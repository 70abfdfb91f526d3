/// Which activations are compared by nHSIC.
public enum TapKind: String, Sendable, Hashable, Codable, CaseIterable {
  /// One per channel group: its last activation.
  case groups
  /// Every residual sum after its activation, as ITPruner takes them.
  case blocks
  /// Every BatchNormalization's output, or every convolution's where BatchNorm is folded in.
  case batchnorm
}

/// What the allocator maximises.
public enum UtilityKind: String, Sendable, Hashable, Codable, CaseIterable {
  /// Σ −sensitivity · relative output error: the least expected change of the logits.
  case error
  /// Σ I log(w/W) with I from nHSIC: never closes a layer.
  case log
  /// Σ I w/W with I from nHSIC, as published.
  case linear
}

/// How layers make up for the channels they lose.
public enum ReconstructionKind: String, Sendable, Hashable, Codable, CaseIterable {
  /// Every layer fits its own dense output, on the dense network's inputs.
  case single
  /// After that, layer by layer, on the inputs of the network pruned so far; kept where it is
  /// nearer to the dense network on images held back for the choice.
  case sequential
}

/// What variants are evaluated by.
public enum EvaluationMetric: String, Sendable, Hashable, Codable, CaseIterable {
  /// Top-1 and top-5 of class scores against labels, and agreement with the dense network.
  case accuracy
  /// Agreement with the dense network alone; needs no labels.
  case agreement
}

/// Everything that can be chosen about a sweep, as chosen; results depend on nothing else but
/// model, data and devices.
public struct Recipe: Sendable, Hashable, Codable {
  /// Which activations are scored.
  public var taps = TapKind.groups
  /// Images in a tile of the kernel matrices, and in a calibration shard.
  public var tileSize = 128
  /// Temperature of I = exp(−β (r̂ − 1)).
  public var beta = 1.0
  public var utility = UtilityKind.error
  /// The allocator, by name.
  public var strategy = "certified"
  /// Positions of each image that enter an input Gram, at most.
  public var gramPositions = 64
  /// Images that the sensitivity of every group is measured on, at most.
  public var sensitivityImages = 256
  public var reconstruction = ReconstructionKind.sequential
  /// λ of the sequential fit over the mean of the diagonal of its input's second moments.
  public var sequentialDamping = 0.001
  /// Images that run through a network together; part of the recipe because the last bits of a
  /// product may depend on it.
  public var microBatch = 8
  /// Images in an evaluation shard.
  public var evaluationShard = 512
  /// Stop after allocation.
  public var plansOnly = false
  /// Evaluate the variants.
  public var evaluates = true
  public var metric = EvaluationMetric.accuracy

  public init() {}
}
