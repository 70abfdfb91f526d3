import COneDNN
import Execution
import NetworkGraph
import Tensors

/// Networks on oneDNN: blocked layouts kept between layers, layers fused where nobody looks between.
public struct OneDNNBackend: Backend {
  public init() {}

  public var identity: BackendIdentity {
    let version = dnnl_version().pointee
    let instructionSet = String(cString: dnnl_cpu_isa2str(dnnl_get_effective_cpu_isa()))
    return BackendIdentity(
      name: "onednn", version: "\(version.major).\(version.minor).\(version.patch)",
      instructionSet: instructionSet)
  }

  /// What an ordinary convolution chooses: processors differ.
  public var channelOrder: ChannelOrder { Self.order }

  private static let order: ChannelOrder = {
    let shape = [1, 64, 8, 8]
    Engine.useCallingThreadOnly()
    guard let engine = try? Engine(),
      let convolution = try? Primitive.convolution(
        Convolution(kernel: [3, 3], padsBefore: [1, 1], padsAfter: [1, 1]), source: shape,
        weights: [64, 64, 3, 3], hasBias: true, destination: shape, Attributes(node: "order"),
        engine: engine, node: "order"),
      let block = try? convolution.layout(.destination).channelBlock
    else { return .first }
    return switch block {
    // Of images, which have fewer, row-major is what the first convolution reads best.
    case 64: .last(from: 8)
    case 8, 16: .blocks(block)
    default: .first
    }
  }()

  public func plan(_ network: Network, options: ExecutionOptions) throws -> any ExecutionPlan {
    try OneDNNPlan(network: network, options: options)
  }

  public func explain(
    _ network: Network, options: ExecutionOptions
  ) throws -> [NodeExecution] {
    try OneDNNPlan(network: network, options: options).executions()
  }

}

/// A network as programs of primitives, one per number of images.
///
/// The program for full batches is made at once, those for smaller ones when they are first run.
final class OneDNNPlan: TimedPlan {
  private let network: Network
  private let options: ExecutionOptions
  private let steps: [FusedStep]
  private let engine: Engine
  private let weights: WeightStore
  private var programs: [Int: Program] = [:]

  init(network: Network, options: ExecutionOptions) throws {
    self.network = network
    self.options = options
    steps = try Fusion(network: network, options: options).steps()
    engine = try Engine()
    weights = WeightStore(engine: engine)
    _ = try program(images: options.batch)
  }

  func run(_ inputs: [Tensor]) throws -> ExecutionResult {
    let images = try options.check(inputs, for: network)
    Engine.useCallingThreadOnly()
    return try program(images: images).run(inputs)
  }

  func nodeTimes(_ inputs: [Tensor]) throws -> [Int: Int64] {
    let images = try options.check(inputs, for: network)
    Engine.useCallingThreadOnly()
    return try program(images: images).nodeTimes(inputs)
  }

  /// What computes each node of a full batch.
  func executions() throws -> [NodeExecution] { try program(images: options.batch).executions }

  private func program(images: Int) throws -> Program {
    if let program = programs[images] { return program }
    Engine.useCallingThreadOnly()
    var builder = ProgramBuilder(
      network: network, options: options, steps: steps, images: images, engine: engine,
      weights: weights)
    let program = try Program(builder.build(), engine: engine)
    programs[images] = program
    return program
  }
}
