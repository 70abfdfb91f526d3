import NetworkGraph
import Tensors

/// Runs networks. Implementations agree on every operator to within rounding; `ReferenceBackend`
/// is normative.
public protocol Backend: Sendable {
  /// What results depend on: recorded with every figure, compared before results are mixed.
  var identity: BackendIdentity { get }

  /// What its kernels want most: what ``ExecutionOptions/channelOrder`` had best be where any will do.
  /// Backends of the same ``identity`` say the same.
  var channelOrder: ChannelOrder { get }

  /// Prepares a network for batches of up to `options.batch` images.
  ///
  /// - Throws: ``ExecutionError`` with `unsupported`, naming the node.
  func plan(_ network: Network, options: ExecutionOptions) throws -> any ExecutionPlan

  /// What would compute each node of a plan with these options, in the order of the nodes; nodes
  /// that the plan skips are left out.
  ///
  /// - Throws: ``ExecutionError`` with `unsupported`, naming the node.
  func explain(_ network: Network, options: ExecutionOptions) throws -> [NodeExecution]
}

extension Backend {
  /// A backend that computes row-major.
  public var channelOrder: ChannelOrder { .first }
}

/// A network made ready to run, for one thread at a time.
///
/// A plan computes on the calling thread alone: parallelism is several plans, each on its own
/// images, so results do not depend on the number of threads.
public protocol ExecutionPlan: AnyObject {
  /// Runs one batch.
  ///
  /// - Parameter inputs: The network's inputs in its order, each `[n, …]` with
  ///   1 ≤ n ≤ `options.batch`.
  /// - Returns: Every output and tap as `[n, …]`, and BatchNorm statistics if asked for. The
  ///   elements of inputs and results lie in `options.channelOrder`.
  func run(_ inputs: [Tensor]) throws -> ExecutionResult
}

extension ExecutionPlan {
  /// Runs one batch of a network with one input.
  public func run(_ input: Tensor) throws -> ExecutionResult { try run([input]) }
}

/// What a plan is made for.
public struct ExecutionOptions: Sendable, Hashable {
  public enum BatchNormalizationMode: Sendable, Hashable {
    /// y from the stored mean and variance.
    case inference
    /// y from the mean and (biased) variance of the batch itself, which are returned too.
    case batchStatistics
  }

  /// The greatest number of images in a run.
  public var batch: Int
  /// Values to return beside the outputs; each keeps its exact value, whatever is fused around it.
  public var taps: [ValueID]
  public var batchNormalization: BatchNormalizationMode
  /// Whether the network's outputs are needed; without them, nodes after the last tap are skipped.
  public var wantsOutputs: Bool
  /// How the elements lie of what is brought and returned.
  public var channelOrder: ChannelOrder

  public init(
    batch: Int, taps: [ValueID] = [],
    batchNormalization: BatchNormalizationMode = .inference, wantsOutputs: Bool = true,
    channelOrder: ChannelOrder = .first
  ) {
    self.batch = batch
    self.taps = taps
    self.batchNormalization = batchNormalization
    self.wantsOutputs = wantsOutputs
    self.channelOrder = channelOrder
  }
}

/// What a run returns.
public struct ExecutionResult: Sendable {
  /// Channel statistics of one BatchNormalization node's input over batch and space.
  public struct ChannelStatistics: Sendable, Hashable {
    public var mean: [Float]
    /// Biased (divided by the count).
    public var variance: [Float]

    public init(mean: [Float], variance: [Float]) {
      self.mean = mean
      self.variance = variance
    }
  }

  /// Outputs and taps.
  public var values: [ValueID: Tensor]
  /// By node index; filled in `.batchStatistics` mode only.
  public var statistics: [Int: ChannelStatistics]

  public init(values: [ValueID: Tensor], statistics: [Int: ChannelStatistics] = [:]) {
    self.values = values
    self.statistics = statistics
  }
}

/// What computed a figure.
public struct BackendIdentity: Sendable, Hashable, Codable {
  /// `reference`, `onednn`.
  public var name: String
  /// The library's version.
  public var version: String
  /// The instruction set that kernels were chosen for, such as `avx512_core`.
  public var instructionSet: String

  public init(name: String, version: String, instructionSet: String) {
    self.name = name
    self.version = version
    self.instructionSet = instructionSet
  }
}

/// A network that a backend cannot run, or a run that failed.
public struct ExecutionError: Error, Sendable, CustomStringConvertible {
  public enum Code: Sendable { case unsupported, shapeMismatch, libraryFailure }

  public let code: Code
  /// What failed, on which node, and what to do.
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
