import NetworkGraph
import Parallelism
import Tensors

/// Measures forward passes.
public enum ForwardBenchmark {
  /// Images a second of a network on synthetic images.
  ///
  /// A first pass warms caches up and tells how many passes fill the time; they are then run as
  /// one, so that making the plans, once per thread, weighs little.
  ///
  /// - Parameters:
  ///   - images: Images in a pass.
  ///   - microBatch: Images in a run of a plan; left out, what suits the network.
  ///   - threads: Threads, each with a plan of its own.
  ///   - seconds: About how long to measure.
  /// - Throws: ``ExecutionError`` from planning or running.
  public static func imagesPerSecond(
    network: Network, backend: any Backend, images: Int = 250,
    microBatch: Int? = nil, threads: Int = 2, seconds: Double = 2
  ) throws -> Double {
    // A network without a batch axis takes one image at a time.
    let hasBatch = network.inputs.contains { network[$0].shape.batchAxis != nil }
    let microBatch = hasBatch ? microBatch ?? MicroBatches.size(for: network) : 1
    let options = ExecutionOptions(batch: microBatch)
    _ = try options.executedNodes(of: network)
    let inputs = MicroBatches(images: images, size: microBatch).ranges.map { range in
      network.inputs.map { syntheticImages(network[$0].shape, range) }
    }
    func secondsOf(passes: Int) throws -> Double {
      let start = ContinuousClock.now
      try parallelFor(
        count: passes * inputs.count, threads: threads,
        state: { try backend.plan(network, options: options) },
        body: { plan, index in _ = try plan.run(inputs[index % inputs.count]) })
      return (ContinuousClock.now - start) / .seconds(1)
    }
    let passes = max(1, Int(seconds / (try secondsOf(passes: 1))))
    return Double(passes * images) / (try secondsOf(passes: passes))
  }

  /// Images with elements spread over −1…1: multiples of the golden ratio need no generator.
  static func syntheticImages(_ shape: Shape, _ images: Range<Int>) -> Tensor {
    let extents = shape.resolved(batch: images.count)
    let first = images.lowerBound * shape.elementsPerImage
    return Tensor(
      shape: extents,
      elements: (first..<first + extents.elementCount).map { place in
        let turns = Double(place) * 0.618_033_988_749_895
        return Float(2 * (turns - turns.rounded(.down)) - 1)
      })
  }
}
