import NetworkGraph

/// Groups and costs of the form of known networks, for problems of real size.
struct NetworkShape {
  var name: String
  var widths: [Int]
  var macs = CostPolynomial()
  var parameters = CostPolynomial()

  private init(_ name: String, _ widths: [Int]) {
    self.name = name
    self.widths = widths
  }

  /// A convolution with kernel² weights for each pair of channels, and its BatchNorm.
  private mutating func layer(_ from: Int, _ to: Int, kernel: Int64, size: Int64) {
    let pair = GroupPair(from, to)
    macs.products[pair, default: 0] += kernel * kernel * size * size
    parameters.products[pair, default: 0] += kernel * kernel
    parameters.linear[to, default: 0] += 2
  }

  /// A depthwise convolution, or a layer with fixed channels on its other side.
  private mutating func single(_ group: Int, weights: Int64, size: Int64) {
    macs.linear[group, default: 0] += weights * size * size
    parameters.linear[group, default: 0] += weights + 2
  }

  private mutating func add(_ width: Int) -> Int {
    widths.append(width)
    return widths.count - 1
  }

  /// Three stages of blocks of two 3×3 convolutions; a group for each stage's sums and for the
  /// inside of each block.
  static func resNetCIFAR(depth: Int) -> NetworkShape {
    var shape = NetworkShape("ResNet-\(depth)", [16, 32, 64])
    let blocks = (depth - 2) / 6
    for stage in 0..<3 {
      for block in 0..<blocks {
        let inner = shape.add(16 << stage)
        let size = Int64(32 >> stage)
        let before = block == 0 ? max(stage - 1, 0) : stage
        shape.layer(before, inner, kernel: 3, size: size)
        shape.layer(inner, stage, kernel: 3, size: size)
      }
    }
    shape.single(0, weights: 27, size: 32)
    shape.single(2, weights: 10, size: 1)
    return shape
  }

  static func mobileNetV1() -> NetworkShape {
    var shape = NetworkShape(
      "MobileNetV1", [32, 64, 128, 128, 256, 256] + [Int](repeating: 512, count: 6) + [1024, 1024])
    shape.single(0, weights: 27, size: 112)
    var size: Int64 = 112
    for layer in 1..<14 {
      if [2, 4, 6, 12].contains(layer) { size /= 2 }
      shape.single(layer - 1, weights: 9, size: size)
      shape.layer(layer - 1, layer, kernel: 1, size: size)
    }
    shape.single(13, weights: 1000, size: 1)
    return shape
  }

  static func mobileNetV2() -> NetworkShape {
    var shape = NetworkShape("MobileNetV2", [32, 16, 24, 32, 64, 96, 160, 320, 1280])
    shape.single(0, weights: 27 + 9, size: 112)
    shape.layer(0, 1, kernel: 1, size: 112)
    var size: Int64 = 112
    for (index, (count, stride)) in [(2, 2), (3, 2), (4, 2), (3, 1), (3, 2), (1, 1)].enumerated() {
      let stage = index + 2
      for block in 0..<count {
        let before = block == 0 ? stage - 1 : stage
        let hidden = shape.add(6 * shape.widths[before])
        shape.layer(before, hidden, kernel: 1, size: size)
        if block == 0 { size /= Int64(stride) }
        shape.single(hidden, weights: 9, size: size)
        shape.layer(hidden, stage, kernel: 1, size: size)
      }
    }
    shape.layer(7, 8, kernel: 1, size: size)
    shape.single(8, weights: 1000, size: 1)
    return shape
  }

  static func resNet50() -> NetworkShape {
    var shape = NetworkShape("ResNet-50", [64, 256, 512, 1024, 2048])
    shape.single(0, weights: 147, size: 112)
    for (stage, blocks) in [3, 4, 6, 3].enumerated() {
      let size = Int64(56 >> stage)
      for block in 0..<blocks {
        let before = block == 0 ? stage : stage + 1
        let first = shape.add(64 << stage)
        let second = shape.add(64 << stage)
        shape.layer(before, first, kernel: 1, size: block == 0 && stage > 0 ? 2 * size : size)
        shape.layer(first, second, kernel: 3, size: size)
        shape.layer(second, stage + 1, kernel: 1, size: size)
        if block == 0 { shape.layer(before, stage + 1, kernel: 1, size: size) }
      }
    }
    shape.single(4, weights: 1000, size: 1)
    return shape
  }

  static let all: [NetworkShape] = [
    resNetCIFAR(depth: 20), resNetCIFAR(depth: 56), mobileNetV1(), mobileNetV2(), resNet50(),
  ]

  var groups: [GroupVariable] {
    widths.enumerated().map {
      GroupVariable(id: $0, name: "group\($0)", width: $1, isProtected: false)
    }
  }

  var modelBytes: CostPolynomial {
    CostPolynomial(
      constant: 9000, linear: parameters.linear.mapValues { 4 * $0 },
      products: parameters.products.mapValues { 4 * $0 })
  }

  /// Limits of MACs, parameters and bytes, as many as there are shares, each of the dense network.
  func problem(shares: [Double], multiple: Int = 1, utility: (Int) -> Utility) -> AllocationProblem
  {
    let costs = ["macs": macs, "parameters": parameters, "model_bytes": modelBytes]
    let limits = zip(["macs", "parameters", "model_bytes"], shares).map { resource, share in
      ResourceLimit(
        resource: resource,
        limit: Int64(share * Double(costs[resource]?.value(widths: widths) ?? 0)))
    }
    return AllocationProblem(
      groups: groups, utilities: widths.indices.map(utility), costs: costs, limits: limits,
      channelMultiple: multiple, minimumKeepRatio: 0.1)
  }
}
