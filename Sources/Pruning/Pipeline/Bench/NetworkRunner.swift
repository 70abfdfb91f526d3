import Datasets
import Execution
import NetworkGraph
import Parallelism
import Tensors

/// Runs whole shards of samples through networks, on several threads.
public struct NetworkRunner: Sendable {
  public let backend: any Backend
  /// Compute threads; no result depends on their number.
  public let threads: Int
  /// Of the work that networks are run for.
  let progress: WorkProgress

  public init(backend: any Backend, threads: Int) {
    self.init(backend: backend, threads: threads, progress: WorkProgress())
  }

  init(backend: any Backend, threads: Int, progress: WorkProgress) {
    self.backend = backend
    self.threads = threads
    self.progress = progress
  }

  /// What `body` makes of 0 ..< count, on several threads; work that nobody wants any more ends before
  /// the next one.
  func map<Value: Sendable>(
    count: Int, body: @Sendable (Int) throws -> Value
  ) throws -> [Value] {
    try parallelMap(count: count, threads: threads) {
      try progress.check()
      return try body($0)
    }
  }

  /// The values at `taps` for all images of a shard, `[n, …]` each.
  ///
  /// - Parameter microBatch: Images that go through together; they and their order decide the
  ///   bits, so a recipe fixes it.
  func run(
    _ network: Network, on shard: DataShard, taps: [ValueID], microBatch: Int
  ) throws -> [Tensor] {
    let parts = try batches(of: network, on: shard, taps: taps, microBatch: microBatch) { $1 }
    return taps.indices.map { tap in
      let shape = [shard.count] + network[taps[tap]].shape.extentsPerImage
      return Tensor(shape: shape, elements: parts.flatMap { $0[tap].elements })
    }
  }

  /// Calls `body` with the values at `taps` for every micro-batch of a shard, on the threads that
  /// ran it: nothing need be kept of a micro-batch before the next one.
  ///
  /// - Parameter body: Takes the range of images, and values `[n, …]` by tap.
  /// - Returns: What `body` made, in the order of the images.
  func batches<Value: Sendable>(
    of network: Network, on shard: DataShard, taps: [ValueID], microBatch: Int,
    body: @Sendable (Range<Int>, [Tensor]) throws -> Value
  ) throws -> [Value] {
    try MicroBatches(images: shard.count, size: microBatch).map(
      threads: threads,
      plan: { try plan(for: network, taps: taps, microBatch: microBatch) },
      body: { plan, range in
        try body(range, try values(of: network, at: taps, of: shard, range, by: plan))
      })
  }

  /// Calls `body` with the values at `taps`, on the calling thread and in the order of the images: for
  /// one micro-batch a thread at a time, and nothing is kept of them here before the next.
  ///
  /// - Parameters:
  ///   - order: Of the elements of the values.
  ///   - body: Takes values `[n, …]` by micro-batch and tap.
  func waves(
    of network: Network, on shard: DataShard, taps: [ValueID], microBatch: Int,
    order: ChannelOrder, body: ([[Tensor]]) throws -> Void
  ) throws {
    let batches = MicroBatches(images: shard.count, size: microBatch)
    let plans = Pool {
      try plan(for: network, taps: taps, microBatch: microBatch, order: order)
    }
    for wave in MicroBatches(images: batches.count, size: threads).ranges {
      try body(
        try map(count: wave.count) { place in
          let range = batches.range(of: wave.lowerBound + place)
          return try plans.withValue {
            try values(of: network, at: taps, of: shard, range, by: $0, order: order)
          }
        })
    }
  }

  private func plan(
    for network: Network, taps: [ValueID], microBatch: Int, order: ChannelOrder = .first
  ) throws -> any ExecutionPlan {
    let wantsOutputs = taps.contains(where: network.outputs.contains)
    return try backend.plan(
      network,
      options: ExecutionOptions(
        batch: microBatch, taps: taps, wantsOutputs: wantsOutputs, channelOrder: order))
  }

  /// By tap, of a micro-batch.
  private func values(
    of network: Network, at taps: [ValueID], of shard: DataShard, _ range: Range<Int>,
    by plan: any ExecutionPlan, order: ChannelOrder = .first
  ) throws -> [Tensor] {
    try progress.check()
    let inputs = zip(network.inputs, shard.tensors(range)).map { id, input in
      order.arranging(input, of: network[id].shape)
    }
    let result = try plan.run(inputs)
    let values = try taps.map { tap in
      guard let value = result.values[tap] else {
        throw ExecutionError(.libraryFailure, "no value came back for \(network[tap].name)")
      }
      return value.byImage(range.count, network[tap].shape, order: order)
    }
    progress.add(images: range.count)
    return values
  }
}

extension Tensor {
  /// The same elements as `[n, …]`, where the batch may be a part of the first axis.
  func byImage(_ images: Int, _ shape: Shape, order: ChannelOrder = .first) -> Tensor {
    let own = [images] + order.extentsPerImage(of: shape)
    return own == self.shape ? self : Tensor(shape: own, elements: elements)
  }
}
