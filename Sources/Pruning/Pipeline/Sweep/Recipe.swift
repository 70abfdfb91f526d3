import Importance
import Recovery

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
  /// Σ −(sensitivity · relative output error)^p: a small expected change of the logits.
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
  /// The same to what the activation behind a layer lets through of its target.
  case rectified
  /// And then every two layers with an activation between them together.
  case paired
  /// And at last all layers together to the dense network's outputs.
  case joint

  /// What comes before layers are fitted together.
  var byLayer: ReconstructionKind { self == .joint ? .paired : self }
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
  public var estimator = HSICEstimator.biased
  public var kernel = KernelKind.linear
  /// Images in a tile of the kernel matrices, and in a calibration shard.
  public var tileSize = 128
  /// Temperature of I = exp(−β (r̂ − 1)).
  public var beta = 1.0
  public var utility = UtilityKind.error
  /// p of Σ (sensitivity · relative error)^p under utility `error`: the greater, the more one large
  /// error counts against several small ones (docs/allocation.md has figures).
  public var errorPower = 1.0
  /// Which channels of a group go first, by name; see `ChannelCriteria`.
  public var criterion = ChannelCriteria.standard
  /// The allocator, by name.
  public var strategy = "certified"
  /// Relative distance from its bound at which `certified` leaves a plan; 0 for the best.
  public var allocationGap = 0.0
  /// Plans made for each device; the one nearest to the dense network on calibration images held
  /// back becomes its variant.
  public var candidates = 1
  /// Bigger budgets contain smaller ones: widths, and the channels themselves.
  public var isLadder = false
  /// Positions of each image that enter Grams and fits, at most, where images are plenty.
  public var gramPositions = 64
  /// Positions of all images together, at least, where a layer has as many.
  public var fewestPositions = 1 << 15
  /// Images that the sensitivity of every group is measured on, at most.
  public var sensitivityImages = 256
  public var reconstruction = ReconstructionKind.paired
  /// λ of the sequential fit over the mean of the diagonal of its input's second moments.
  public var sequentialDamping = 0.001
  /// Whether channels are exchanged at the widths of each plan, where that lowers the error.
  public var exchanges = false
  /// How many times the error of an image's mean counts in a sequential fit, besides that of its
  /// positions.
  public var meanWeight = 0
  /// Whether mirror images take part in fits.
  public var mirrors = false
  /// Steps of a fit of all layers together.
  public var jointSteps = 448
  /// A user's own fine-tuning of each variant: a command with `{model}` and `{output}` in it.
  public var recoverWith: String?
  /// How long it may take.
  public var recoveryMinutes = 24.0 * 60
  /// Images that run through a network together; part of the recipe because the last bits of a
  /// product may depend on it.
  public var microBatch = 8
  /// Images in an evaluation shard.
  public var evaluationShard = 512
  /// Stop after the scores: no device is looked at.
  public var scoresOnly = false
  /// Stop after allocation.
  public var plansOnly = false
  /// Evaluate the variants.
  public var evaluates = true
  public var metric = EvaluationMetric.accuracy
  /// Runs by which every variant's latency is measured on the worker's machine; 0 for none.
  public var latencyRepeats = 0

  public init() {}
}

extension Recipe {
  /// Reads a recipe that this or an earlier version wrote: what it did not know yet has its default.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    func read<Value: Decodable>(_ value: inout Value, _ key: CodingKeys) throws {
      value = try fields.decodeIfPresent(Value.self, forKey: key) ?? value
    }
    try read(&taps, .taps)
    try read(&estimator, .estimator)
    try read(&kernel, .kernel)
    try read(&tileSize, .tileSize)
    try read(&beta, .beta)
    try read(&utility, .utility)
    try read(&errorPower, .errorPower)
    try read(&strategy, .strategy)
    try read(&criterion, .criterion)
    try read(&allocationGap, .allocationGap)
    try read(&candidates, .candidates)
    try read(&isLadder, .isLadder)
    try read(&gramPositions, .gramPositions)
    try read(&fewestPositions, .fewestPositions)
    try read(&sensitivityImages, .sensitivityImages)
    try read(&reconstruction, .reconstruction)
    try read(&sequentialDamping, .sequentialDamping)
    try read(&exchanges, .exchanges)
    try read(&meanWeight, .meanWeight)
    try read(&mirrors, .mirrors)
    try read(&jointSteps, .jointSteps)
    try read(&recoverWith, .recoverWith)
    try read(&recoveryMinutes, .recoveryMinutes)
    try read(&microBatch, .microBatch)
    try read(&evaluationShard, .evaluationShard)
    try read(&scoresOnly, .scoresOnly)
    try read(&plansOnly, .plansOnly)
    try read(&evaluates, .evaluates)
    try read(&metric, .metric)
    try read(&latencyRepeats, .latencyRepeats)
  }
}
