import NetworkGraph
import Tensors

extension Network {
  /// What is not as in `original`: inputs and outputs by name and shape, the shapes of layers'
  /// weights, or weights that are not finite; nil if nothing.
  func difference(from original: Network) -> String? {
    let interfaces = [original, self].map { network in
      (network.inputs + network.outputs).map { id in
        "\"\(network[id].name)\" \(network[id].shape.resolved(batch: 1).dropFirst())"
      }.joined(separator: ", ")
    }
    if interfaces[0] != interfaces[1] {
      return "its inputs and outputs are \(interfaces[1]), and were \(interfaces[0])"
    }
    // Exporters rename and reorder layers; the shapes of their weights are the widths.
    let widths = [original, self].map(\.layerShapes)
    if widths[0] != widths[1] {
      let strange = widths[1].filter { !widths[0].contains($0) }
      let example = strange.first.map { ", such as \($0)" } ?? ""
      return "it changed widths: \(widths[1].count) layers (\(widths[0].count) before)\(example)"
    }
    let broken = values.first { $0.constant?.elements.allSatisfy(\.isFinite) == false }
    return broken.map { "\"\($0.name)\" holds weights that are not finite" }
  }

  /// The shapes of convolutions' and matrices' weights, sorted; a matrix may have been transposed.
  private var layerShapes: [[Int]] {
    nodes.compactMap { node -> [Int]? in
      switch node.operation {
      case .convolution, .transposedConvolution: constant(node.inputs[1])?.shape
      case .gemm, .matrixProduct:
        node.inputs.count > 1 ? constant(node.inputs[1])?.shape.sorted() : nil
      default: nil
      }
    }.sorted { $0.lexicographicallyPrecedes($1) }
  }
}
