import NetworkGraph

extension OperatorReader {
  /// Products of matrices.
  static let matrices: [String: OperatorReader] = [
    "Gemm": .init(["alpha", "beta", "transA", "transB"]) { try $0.gemm($1) },
    "MatMul": .init { try $0.matrixProduct($1) },
  ]
}

extension Importer {
  /// `x · W + b` with constants is a Gemm; with any other operands it is spelled out.
  fileprivate mutating func gemm(_ node: NodeReader) throws -> Symbol {
    let alpha = try node.number("alpha", default: 1)
    let beta = try node.number("beta", default: 1)
    guard alpha.isFinite, beta.isFinite else {
      throw node.failure(.invalidGraph, "attributes alpha and beta must be finite")
    }
    guard case .activation(let first)? = symbol(node, 0), isConstant(node, 1) else {
      return try spelledGemm(node, alpha: alpha, beta: beta)
    }
    let x = try transposed(first, if: node.flag("transA", default: false), node)
    let transposes = try node.flag("transB", default: false)
    let weight = try requiredWeight(node, 1, "weight")
    try checkMatrix(weight.shape, inputAxis: transposes ? 1 : 0, draft[x].shape, node)
    let outputs = weight.shape[transposes ? 0 : 1]
    var gemm = Gemm(alpha: alpha, transposesWeight: transposes)
    guard isRow(node, 2, of: outputs) else {
      let product = try add(.gemm(gemm), [x, weight.id, nil], for: node)
      return .activation(try adding(node, 2, to: product, times: beta))
    }
    let bias = try self.weight(node, 2, "bias", fitting: [outputs])
    gemm.beta = bias == nil ? 1 : beta
    return .activation(try add(.gemm(gemm), [x, weight.id, bias?.id], for: node))
  }

  private mutating func spelledGemm(
    _ node: NodeReader, alpha: Float, beta: Float
  ) throws -> Symbol {
    let operands = try (0..<2).map { try operand(node, $0, "operand").id }
    let a = try transposed(operands[0], if: node.flag("transA", default: false), node)
    let b = try transposed(operands[1], if: node.flag("transB", default: false), node)
    var product = try add(.matrixProduct(MatrixProduct()), [a, b], for: node)
    if alpha != 1 {
      let factor = addConstant(alpha, node, "alpha")
      product = try add(.elementwise(.multiply), [product, factor], for: node)
    }
    return .activation(try adding(node, 2, to: product, times: beta))
  }

  private func isConstant(_ node: NodeReader, _ index: Int) -> Bool {
    if case .constant? = symbol(node, index) { true } else { false }
  }

  /// Whether an input is left out, or is a constant with one number per output.
  private func isRow(_ node: NodeReader, _ index: Int, of outputs: Int) -> Bool {
    guard node.input(index) != nil else { return true }
    guard case .constant(let value)? = symbol(node, index) else { return false }
    return value.count == 1 || (value.count == outputs && value.shape.last == outputs)
  }

  private mutating func transposed(
    _ value: ValueID, if transposes: Bool, _ node: NodeReader
  ) throws -> ValueID {
    guard transposes else { return value }
    return try add(.transpose(Transpose(permutation: [1, 0])), [value], for: node)
  }

  private mutating func adding(
    _ node: NodeReader, _ index: Int, to product: ValueID, times beta: Float
  ) throws -> ValueID {
    guard node.input(index) != nil else { return product }
    var summand = try operand(node, index, "summand").id
    if beta != 1 {
      let factor = addConstant(beta, node, "beta")
      summand = try add(.elementwise(.multiply), [summand, factor], for: node)
    }
    return try add(.elementwise(.add), [product, summand], for: node)
  }

  fileprivate mutating func matrixProduct(_ node: NodeReader) throws -> Symbol {
    let a = try operand(node, 0, "operand")
    let b = try operand(node, 1, "weight")
    if draft.constant(b.id) != nil, draft.constant(a.id) == nil, a.shape.rank == 2,
      b.shape.rank == 2
    {
      try checkMatrix(b.shape.resolved(batch: 0), inputAxis: 0, a.shape, node)
      let gemm = Gemm(transposesWeight: false)
      return .activation(try add(.gemm(gemm), [a.id, b.id, nil], for: node))
    }
    return .activation(try add(.matrixProduct(MatrixProduct()), [a.id, b.id], for: node))
  }

  private func checkMatrix(
    _ weight: [Int], inputAxis: Int, _ x: Shape, _ node: NodeReader
  ) throws {
    guard x.rank == 2, weight.count == 2, .fixed(weight[inputAxis]) == x[1] else {
      throw node.failure(
        .invalidTensor, "its weight of shape \(weight) does not fit x \(x), which must be [N, K]")
    }
  }
}
