import NetworkGraph
import Parallelism

/// Images cut into micro-batches that threads run on plans of their own.
///
/// Small micro-batches keep a network's activations in a core's cache. How images are cut does not
/// depend on the number of threads, and neither do results.
public struct MicroBatches: Sendable, Hashable {
  /// All images.
  public var images: Int
  /// Images in a micro-batch; the last one may be smaller.
  public var size: Int

  /// - Precondition: `images` ≥ 0 and `size` ≥ 1.
  public init(images: Int, size: Int = MicroBatches.defaultSize) {
    precondition(images >= 0 && size >= 1, "\(images) images in micro-batches of \(size)")
    self.images = images
    self.size = size
  }

  /// How many micro-batches there are.
  public var count: Int { (images + size - 1) / size }

  /// The images of a micro-batch.
  public func range(of batch: Int) -> Range<Int> {
    batch * size..<min((batch + 1) * size, images)
  }

  /// The micro-batches in order, as ranges of images.
  public var ranges: [Range<Int>] { (0..<count).map(range) }

  /// Calls `body` for every micro-batch and returns its values in the order of the images.
  ///
  /// - Parameters:
  ///   - threads: Threads to run on, all of them new; the calling thread waits.
  ///   - plan: Makes a plan for `size` images; called once on each thread.
  ///   - body: Runs a micro-batch's images on the plan of the thread it is called on.
  /// - Throws: The error of the first micro-batch that failed.
  public func map<Value: Sendable>(
    threads: Int, plan: @Sendable () throws -> any ExecutionPlan,
    body: @Sendable (any ExecutionPlan, Range<Int>) throws -> Value
  ) throws -> [Value] {
    try parallelMap(count: count, threads: threads, state: plan) { plan, batch in
      try body(plan, range(of: batch))
    }
  }
}

extension MicroBatches {
  /// Eight images of a CIFAR network keep two layers' activations in a 1 MiB second-level cache.
  public static let defaultSize = 8

  /// What a node may read and write: more, and every layer waits for memory. MobileNets at
  /// 224 × 224 run fastest with one or two images, which is 4 to 6 MiB.
  private static let mostBytes = 8 << 20

  /// Images in a micro-batch of a network: ``defaultSize``, or fewer where the activations of an
  /// image are large. It depends on the network alone.
  public static func size(for network: Network) -> Int {
    let elements = network.nodes.map { node in
      node.inputs.compactMap(\.self).filter { network[$0].constant == nil }.reduce(
        network[node.output].shape.elementsPerImage
      ) { $0 + network[$1].shape.elementsPerImage }
    }
    let bytes = (elements.max() ?? 0) * MemoryLayout<Float>.stride
    return min(defaultSize, max(1, mostBytes / max(1, bytes)))
  }
}
