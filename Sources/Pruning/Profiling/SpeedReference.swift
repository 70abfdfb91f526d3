import Devices
import Execution
import Foundation
import NetworkGraph
import Parallelism
import Tensors

/// How fast the machine is just now, told by a network that is run in turn with what is measured.
///
/// Other programs share a machine's cores and caches, and its clock rate changes: the same layer may
/// take half as long again a second later, more than a prediction may be off. What slows a network
/// slows a narrower one of the same layers about alike, so that times in units of the network's own,
/// taken just before and after, drift little.
public final class SpeedReference {
  private let plan: any ExecutionPlan
  private let inputs: [Tensor]

  /// - Throws: ``ExecutionError`` from planning.
  public init(_ network: Network, backend: any Backend) throws {
    plan = try backend.plan(network, options: ExecutionOptions(batch: 1))
    inputs = network.syntheticInputs()
  }

  /// Runs something in blocks of four between runs of the reference.
  ///
  /// - Parameter count: How often; what fills the caches again at the beginning of a block, and is
  ///   not reported, comes on top.
  /// - Returns: What it gave, with the reference's time around it, in nanoseconds.
  public func inTurns<Value>(
    _ count: Int, _ body: () throws -> Value
  ) throws -> [(value: Value, reference: Double)] {
    var result: [(value: Value, reference: Double)] = []
    var before = try time()
    while result.count < count {
      _ = try body()
      let block = try (0..<min(4, count - result.count)).map { _ in try body() }
      let after = try time()
      result += block.map { ($0, Double(before + after) / 2) }
      before = after
    }
    return result
  }

  /// The median of three runs after one that fills the caches, in nanoseconds.
  private func time() throws -> Int64 {
    _ = try plan.run(inputs)
    return LatencyMeasurement(
      try (0..<3).map { _ in try ProcessorTime.of { _ = try plan.run(inputs) } }
    ).nanoseconds
  }
}

extension LatencyTable {
  /// The remark that says how long the profiled network took while the table's times held.
  static let reference = "reference_ms"

  /// The time of the network that was profiled, as it was given, in nanoseconds: where it takes
  /// longer now, the machine is slower now. Nil where the table does not say.
  public var referenceNanoseconds: Double? {
    remarks.first { $0.key == Self.reference }.flatMap { Double($0.text) }.map { 1e6 * $0 }
  }
}
