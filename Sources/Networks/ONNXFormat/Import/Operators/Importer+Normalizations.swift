import NetworkGraph
import Tensors

extension OperatorReader {
  static let normalizations: [String: OperatorReader] = [
    "BatchNormalization": .init(["epsilon", "momentum", "spatial", "training_mode"]) {
      try $0.batchNormalization($1)
    },
    "InstanceNormalization": .init(["epsilon"]) { importer, node in
      try importer.normalization(.instance, node)
    },
    "GroupNormalization": .init(["epsilon", "num_groups", "stash_type"]) {
      try $0.groupNormalization($1)
    },
    "LayerNormalization": .init(["axis", "epsilon", "stash_type"]) { importer, node in
      let rank = try importer.activation(node).shape.rank
      let axis = try node.resolvedAxis(node.integer("axis", default: -1), rank: rank)
      return try importer.normalization(.layer(axis: axis), node)
    },
    "LRN": .init(["alpha", "beta", "bias", "size"]) { importer, node in
      let size = try node.amount("size")
      let operation = LocalResponseNormalization(
        size: size, alpha: try node.number("alpha", default: 1e-4),
        beta: try node.number("beta", default: 0.75), bias: try node.number("bias", default: 1))
      let x = try importer.activation(node)
      return .activation(
        try importer.add(.localResponseNormalization(operation), [x.id], for: node))
    },
  ]
}

extension Importer {
  fileprivate mutating func batchNormalization(_ node: NodeReader) throws -> Symbol {
    guard try node.integer("training_mode", default: 0) == 0 else {
      throw node.failure(.unsupported, "it is in training mode; export the model for inference")
    }
    let x = try activation(node)
    var inputs: [ValueID?] = [x.id]
    for (index, role) in ["scale", "shift", "mean", "variance"].enumerated() {
      let weight = try requiredWeight(node, index + 1, role)
      guard x.shape.rank > 1, [x.shape[1]] == weight.shape.map(Dimension.fixed) else {
        throw node.failure(
          .invalidTensor, "its \(role) of shape \(weight.shape) does not fit x \(x.shape)")
      }
      inputs.append(weight.id)
    }
    let epsilon = try node.number("epsilon", default: 1e-5)
    return .activation(
      try add(.batchNormalization(BatchNormalization(epsilon: epsilon)), inputs, for: node))
  }

  fileprivate mutating func normalization(
    _ extent: Normalization.Extent, _ node: NodeReader
  ) throws -> Symbol {
    let x = try activation(node)
    let scale = try requiredWeight(node, 1, "scale")
    let shift = try weight(node, 2, "shift")
    let operation = Normalization(extent, epsilon: try node.number("epsilon", default: 1e-5))
    return .activation(
      try add(.normalization(operation), [x.id, scale.id, shift?.id], for: node))
  }

  /// Before opset 21 scale and shift hold one number per group; here, one per channel.
  fileprivate mutating func groupNormalization(_ node: NodeReader) throws -> Symbol {
    let groups = try node.amount("num_groups")
    guard node.opset < 21 else { return try normalization(.group(groups), node) }
    let x = try activation(node)
    guard x.shape.rank > 2, let channels = x.shape[1].extent, channels % groups == 0 else {
      throw node.failure(.invalidGraph, "\(groups) groups do not divide the channels of \(x.shape)")
    }
    let parameters = try [(1, "scale"), (2, "shift")].map { index, role in
      guard let value = try constant(node, index, role)?.floats, value.count == groups else {
        throw node.failure(.invalidTensor, "its \(role) must hold a number for each group")
      }
      let spread = value.flatMap { Array(repeating: $0, count: channels / groups) }
      return draft.addConstant(
        uniqueName("\(node.name).\(role)"), Tensor(shape: [channels], elements: spread))
    }
    let operation = Normalization(
      .group(groups), epsilon: try node.number("epsilon", default: 1e-5))
    return .activation(
      try add(.normalization(operation), [x.id] + parameters, for: node))
  }
}
