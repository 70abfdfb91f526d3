import Execution
import NetworkGraph
import OneDNNBackend
import Tensors
import TestSupport
import Testing

/// A backend that tests run networks on.
public enum TestBackend: String, CaseIterable, Sendable {
  case reference, oneDNN

  public var backend: any Backend {
    switch self {
    case .reference: ReferenceBackend()
    case .oneDNN: OneDNNBackend()
    }
  }

  /// Every output for a batch of images.
  public func outputs(of network: Network, for images: Tensor) throws -> [[Float]] {
    try outputs(of: network, for: [images])
  }

  /// The same for a network of several inputs.
  public func outputs(of network: Network, for inputs: [Tensor]) throws -> [[Float]] {
    let plan = try backend.plan(network, options: ExecutionOptions(batch: inputs[0].shape[0]))
    let values = try plan.run(inputs).values
    return try network.outputs.map { try #require(values[$0]).elements }
  }
}

/// The greatest difference of outputs, relative to their range.
///
/// A sliced and a masked network sum the same products, but a library blocks and orders the sums by
/// their number. Measured, that comes to 3e-7 of the range at most (MobileNet v2, AVX-512); other
/// instruction sets get a margin of thirty.
public let outputTolerance: Float = 1e-5

/// What a mask that acts changes outputs by at least, relative to their range: a hundred tolerances.
public let visibleChange: Float = 1e-3

/// The spread of a network's outputs.
public func range(_ values: [Float]) -> Float { (values.max() ?? 0) - (values.min() ?? 0) }

/// The greatest difference of two sets of outputs in units of the second's range.
public func relativeDifference(_ a: [[Float]], _ b: [[Float]]) -> Float {
  zip(a, b).map { a, b in (zip(a, b).map { abs($0 - $1) }.max() ?? 0) / range(b) }.max() ?? 0
}

/// Expects two networks to compute the same on every output.
public func expectSameOutputs(
  _ actual: [[Float]], _ expected: [[Float]],
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(actual.count == expected.count, sourceLocation: sourceLocation)
  for (actual, expected) in zip(actual, expected) {
    // Outputs that are all alike, or not numbers, would agree with anything.
    #expect(range(expected) > 0 && range(expected).isFinite, sourceLocation: sourceLocation)
    expectClose(
      actual, expected, tolerance: outputTolerance * range(expected),
      sourceLocation: sourceLocation)
  }
}

/// Random images for a network with one input, between −1 and 1.
public func randomImages(_ count: Int, for network: Network, seed: UInt64 = 5) -> Tensor {
  randomInputs(count, for: network, seed: seed)[0]
}

/// Random values for every input of a network, between −1 and 1.
public func randomInputs(_ count: Int, for network: Network, seed: UInt64 = 5) -> [Tensor] {
  var generator = SeededGenerator(seed: seed)
  return network.inputs.map { input in
    let shape = network[input].shape.resolved(batch: count)
    let elements = (0..<shape.elementCount).map { _ in
      Float.random(in: -1...1, using: &generator)
    }
    return Tensor(shape: shape, elements: elements)
  }
}
