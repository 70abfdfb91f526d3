import Foundation
import NetworkGraph
import ONNXFormat
import Tensors
import TestSupport
import Testing

/// A network of the zoo: a file that `scripts/zoo/generate.py` wrote.
struct ZooNetwork: Sendable, CustomTestStringConvertible {
  let name: String
  var testDescription: String { name }

  static let folder = Fixtures.url("", module: "Zoo")

  /// Files that are refused, with the node they are refused at: an average that the new exporter
  /// writes as strides over the memory of all images.
  static let refused = ["convnext-new": "node_Range_113"]

  /// Every other file of the zoo.
  static let all: [ZooNetwork] = {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return files.filter { $0.hasSuffix(".onnx") }.map { String($0.dropLast(5)) }
      .filter { refused[$0] == nil }.sorted().map(ZooNetwork.init)
  }()

  /// Those that the reference backend runs in well below a second.
  static let small = [
    "half-precision", "norms", "splits", "squeezenet", "tensorflow-like", "two-inputs", "vit",
    "waves",
  ].map(ZooNetwork.init)

  func read() throws -> Network {
    try ONNXModel.read(Self.folder.appending(path: "\(name).onnx"))
  }

  /// What ONNX Runtime makes of ``hashedInputs(of:batch:)`` with a batch of two, output by output.
  func expectedOutputs(of network: Network) throws -> [[Float]] {
    let data = try Data(contentsOf: Self.folder.appending(path: "\(name).bin"))
    var floats = stride(from: 0, to: data.count, by: 4).map { offset in
      Float(
        bitPattern: (0..<4).reduce(0) { $0 | UInt32(data[offset + $1]) << UInt32(8 * $1) })
    }[...]
    let outputs = network.outputs.map { output in
      let count = network[output].shape.resolved(batch: 2).elementCount
      defer { floats = floats.dropFirst(count) }
      return Array(floats.prefix(count))
    }
    #expect(floats.isEmpty)
    return outputs
  }
}

/// Inputs between −1 and 1: a hash of each element's place, as `images` of generate.py.
func hashedInputs(of network: Network, batch: Int) -> [Tensor] {
  var place: UInt32 = 0
  return network.inputs.map { input in
    let shape = network[input].shape.resolved(batch: batch)
    let elements = (0..<shape.elementCount).map { _ in
      defer { place += 1 }
      var hash = place
      for (shift, factor) in [(16, 0x85EB_CA6B), (13, 0xC2B2_AE35), (16, 1)] as [(UInt32, UInt32)] {
        hash = (hash ^ (hash >> shift)) &* factor
      }
      return Float(Double(hash) / 2_147_483_648 - 1)
    }
    return Tensor(shape: shape, elements: elements)
  }
}

/// The greatest difference that two ways to compute a network may have, relative to the range of
/// an output. Both round at every sum; measured, the zoo's networks differ by 1e-5 at most.
let zooTolerance: Float = 1e-4

/// Expects two networks to compute the same on every output, and one output at least to say
/// something: places of greatest elements may all be the same.
func expectAgreement(
  _ actual: [[Float]], _ expected: [[Float]], _ what: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(actual.map(\.count) == expected.map(\.count), "\(what)", sourceLocation: sourceLocation)
  let ranges = expected.map { ($0.max() ?? 0) - ($0.min() ?? 0) }
  #expect(
    ranges.allSatisfy(\.isFinite) && ranges.contains { $0 > 0 }, "\(what): ranges \(ranges)",
    sourceLocation: sourceLocation)
  for (index, (actual, expected)) in zip(actual, expected).enumerated() {
    let difference = zip(actual, expected).map { abs($0 - $1) }.max(by: { !($0 >= $1) }) ?? 0
    #expect(
      difference <= zooTolerance * ranges[index],
      "\(what): output \(index) is off by \(difference) of a range of \(ranges[index])",
      sourceLocation: sourceLocation)
  }
}
