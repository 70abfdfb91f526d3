import Execution
import Foundation
import NetworkGraph
import Tensors
import TestSupport
import Testing

@Suite("Reference operators beside ONNX Runtime", .tags(.pure))
struct OperatorGoldenTests {
  private struct Golden: Codable {
    struct Array: Codable {
      var shape: [Int]
      var elements: [Float]
      var tensor: Tensor { Tensor(shape: shape, elements: elements) }
    }
    var inputs: [Array]
    var output: Array
  }

  private static func goldens() throws -> [String: Golden] {
    let file = Fixtures.url("operators.json", module: "Execution")
    return try JSONDecoder().decode([String: Golden].self, from: Data(contentsOf: file))
  }

  @Test("every golden has its operator")
  func names() throws {
    #expect(Set(try Self.goldens().keys) == Set(Self.operators.keys))
  }

  @Test("operators compute what ONNX Runtime computes", arguments: operators.keys.sorted())
  func agreement(name: String) throws {
    let golden = try #require(try Self.goldens()[name])
    var network = Network(name: name)
    let inputs = golden.inputs.map { network.addConstant("", $0.tensor) }
    let output = network.addActivation("y")
    let node = Node(
      name: name, operation: try #require(Self.operators[name]), inputs: inputs, output: output)
    network.nodes = [node]
    try network.inferShapes()
    let result = try ReferenceOperators.evaluate(node, golden.inputs.map(\.tensor), batch: 1)
    #expect(result.shape == golden.output.shape)
    #expect(network[output].shape == Shape(golden.output.shape))
    // ONNX Runtime computes in floats: sums of up to 100 terms lose a few of their last bits.
    let scale = golden.output.elements.map(abs).max() ?? 0
    expectClose(result.elements, golden.output.elements, tolerance: 4e-6 * max(scale, 1))
  }
}
