import NetworkGraph
import Tensors

/// How long one image takes, end to end, on one thread.
public struct LatencyMeasurement: Sendable, Hashable, Codable {
  /// The median, in nanoseconds.
  public var nanoseconds: Int64
  /// Half the distance between the quartiles, in nanoseconds.
  public var spread: Int64

  public init(nanoseconds: Int64, spread: Int64) {
    self.nanoseconds = nanoseconds
    self.spread = spread
  }

  /// The median and spread of some times; at least one.
  public init(_ times: [Int64]) {
    let sorted = times.sorted()
    func quantile(_ share: Double) -> Int64 {
      sorted.isEmpty ? 0 : sorted[Int((share * Double(sorted.count - 1)).rounded())]
    }
    self.init(nanoseconds: quantile(0.5), spread: (quantile(0.75) - quantile(0.25)) / 2)
  }
}

/// Measures single images, as a device sees them that waits for each.
public enum LatencyBenchmark {
  /// The time of one image from input to output, after a warm-up.
  ///
  /// - Throws: ``ExecutionError`` from planning or running.
  public static func measure(
    network: Network, backend: any Backend, warmUp: Int = 5, repeats: Int = 50
  ) throws -> LatencyMeasurement {
    let plan = try backend.plan(network, options: ExecutionOptions(batch: 1))
    let inputs = network.syntheticInputs()
    for _ in 0..<warmUp { _ = try plan.run(inputs) }
    return LatencyMeasurement(
      try (0..<max(repeats, 1)).map { _ in try time { _ = try plan.run(inputs) } })
  }

  /// Nanoseconds that something takes.
  public static func time(_ body: () throws -> Void) rethrows -> Int64 {
    let start = ContinuousClock.now
    try body()
    return Int64((ContinuousClock.now - start) / .nanoseconds(1))
  }
}
