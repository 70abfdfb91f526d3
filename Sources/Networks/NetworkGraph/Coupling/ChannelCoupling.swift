/// One axis of one value.
public struct AxisID: Hashable, Sendable, Comparable {
  public let value: ValueID
  public let axis: Int

  public init(_ value: ValueID, _ axis: Int) {
    self.value = value
    self.axis = axis
  }

  /// The channel axis of an activation in ONNX's usual order, `[N, C, …]`.
  public static func channel(_ value: ValueID) -> AxisID { AxisID(value, 1) }

  public static func < (a: AxisID, b: AxisID) -> Bool {
    (a.value, a.axis) < (b.value, b.axis)
  }
}

/// Which channels can only be kept or removed together, found index by index.
///
/// Every index of every axis that operators mention is an element of a union–find forest; operators
/// tie elements. Working on single indices, not whole axes, is what lets a padded shortcut join the
/// *middle* of a wider sum, a concatenation place two values side by side, or a flatten own a block
/// of columns, all by the same few calls. Any axis may carry channels, wherever transposes have
/// taken them; an axis that an operator does not mention is protected.
///
/// Complexity: nearly linear in the number of indices in the graph.
struct ChannelCoupling {
  let network: Network
  private(set) var axes: [AxisID] = []
  private var offsets: [AxisID: Int] = [:]
  private var parents: [Int32] = []
  /// By root: whether a layer's weights, or the caller, write the channel.
  private var live: [Bool] = []
  /// By element: why it must stay, as a place in `reasons`; 0 where it need not.
  private var marks: [Int32] = []
  private var reasons: [Reason?] = [nil]
  /// Axes the node at hand has mentioned.
  private var mentioned: Set<AxisID> = []
  /// Axes that some node reads or writes in a way that cannot be followed.
  private var unfollowed: [(axis: AxisID, node: Int)] = []

  init(_ network: Network) { self.network = network }

  /// Why channels stay; of several reasons the first in this order is told.
  struct Reason {
    enum Kind: Int, Comparable {
      /// They are part of the network's interface.
      case interface
      /// An operator says that it needs them all.
      case operation
      /// An operator's rules do not mention them.
      case unfollowed

      static func < (a: Kind, b: Kind) -> Bool { a.rawValue < b.rawValue }
    }

    var kind: Kind
    var words: String
  }

  // MARK: What a network says

  /// Takes in one node: nodes come in topological order.
  mutating func follow(_ index: Int) {
    let node = network.nodes[index]
    let rules = node.operation.rules
    mentioned.removeAll(keepingCapacity: true)
    if node.operation.hasOwnWeights(node, in: network) {
      for axis in rules.weightAxes(node, in: network).outputs { bringToLife(axis) }
      rules.couple(node, in: network, into: &self)
    }
    for value in Set(node.inputs.compactMap(\.self) + [node.output]).sorted() {
      for axis in 0..<rank(of: value) where !mentioned.contains(AxisID(value, axis)) {
        unfollowed.append((AxisID(value, axis), index))
      }
    }
  }

  /// Keeps every axis of a value that is part of the network's interface.
  mutating func keep(_ value: ValueID, _ reason: String) {
    for axis in 0..<rank(of: value) {
      bringToLife(AxisID(value, axis))
      protect(AxisID(value, axis), Reason(kind: .interface, words: reason))
    }
  }

  /// Protects what some node could not follow; called once, after all nodes.
  mutating func finish() {
    for (axis, node) in unfollowed where offsets[axis] != nil {
      protect(
        axis, Reason(kind: .unfollowed, words: network.nodes[node].neglect(of: axis, in: network)))
    }
    unfollowed.removeAll()
  }

  // MARK: What operators say

  /// Makes the indices of an axis known; they stand alone until tied.
  mutating func register(_ axis: AxisID) { _ = offset(axis) }

  /// Index i of one axis goes with index i of the other.
  mutating func tie(_ a: AxisID, _ b: AxisID) {
    let count = min(extent(a), extent(b))
    let (first, second) = (offset(a), offset(b))
    for index in 0..<count { join(first + index, second + index) }
  }

  /// One index of an axis goes with one of another.
  mutating func tie(_ a: AxisID, index: Int, _ b: AxisID, index other: Int) {
    join(offset(a) + index, offset(b) + other)
  }

  /// Index `indices[i]` of `a` goes with index i of `b`.
  mutating func tie(_ a: AxisID, at indices: [Int], _ b: AxisID) {
    let (first, second) = (offset(a), offset(b))
    for (place, index) in indices.enumerated() { join(first + index, second + place) }
  }

  /// Indices of one axis go together block by block, or place by place within blocks.
  mutating func tieWithin(_ axis: AxisID, _ blocks: ChannelBlocks) {
    let first = offset(axis)
    for index in 0..<blocks.groups * blocks.size {
      join(
        first + index, first + (blocks.goWhole ? index - index % blocks.size : index % blocks.size))
    }
  }

  /// Axes of two values of one rank go together wherever they have the same extent.
  mutating func tieEqualAxes(_ a: ValueID, _ b: ValueID) {
    for axis in 0..<min(rank(of: a), rank(of: b)) {
      let (first, second) = (AxisID(a, axis), AxisID(b, axis))
      if extent(first) == extent(second) { tie(first, second) }
    }
  }

  /// Axes of values go with those of their broadcast, aligned at the last.
  mutating func tieBroadcast(_ values: [ValueID], _ output: ValueID) {
    let rank = rank(of: output)
    for value in values {
      let shift = rank - self.rank(of: value)
      for axis in 0..<self.rank(of: value) where axis + shift >= 0 {
        let (own, shared) = (AxisID(value, axis), AxisID(output, axis + shift))
        if extent(own) == extent(shared) { tie(own, shared) }
      }
    }
  }

  /// Keeps every index of an axis, and all that goes with it.
  mutating func protect(_ axis: AxisID, _ words: String) {
    protect(axis, Reason(kind: .operation, words: words))
  }

  private mutating func protect(_ axis: AxisID, _ reason: Reason) {
    let start = offset(axis)
    let mark = Int32(reasons.count)
    reasons.append(reason)
    for index in 0..<extent(axis) where marks[start + index] == 0 { marks[start + index] = mark }
  }

  /// Whether a layer or the caller is known to write channels along an axis.
  mutating func isLive(_ axis: AxisID) -> Bool {
    guard let start = offsets[axis] else { return false }
    return (0..<extent(axis)).contains { live[find(start + $0)] }
  }

  func rank(of value: ValueID) -> Int { network[value].shape.rank }

  /// The extent of an axis; 0 for the batch.
  func extent(_ axis: AxisID) -> Int {
    let shape = network[axis.value].shape
    return axis.axis < shape.rank ? shape[axis.axis].extent ?? 0 : 0
  }

  // MARK: The forest

  private mutating func offset(_ axis: AxisID) -> Int {
    mentioned.insert(axis)
    if let offset = offsets[axis] { return offset }
    let offset = parents.count
    let count = extent(axis)
    offsets[axis] = offset
    axes.append(axis)
    parents.append(contentsOf: (0..<count).map { Int32(offset + $0) })
    live.append(contentsOf: repeatElement(false, count: count))
    marks.append(contentsOf: repeatElement(0, count: count))
    return offset
  }

  private mutating func bringToLife(_ axis: AxisID) {
    let start = offset(axis)
    for index in 0..<extent(axis) { live[find(start + index)] = true }
  }

  private mutating func find(_ element: Int) -> Int {
    var place = element
    while Int(parents[place]) != place {
      parents[place] = parents[Int(parents[place])]
      place = Int(parents[place])
    }
    return place
  }

  private mutating func join(_ a: Int, _ b: Int) {
    let (first, second) = (find(a), find(b))
    guard first != second else { return }
    // The smaller root wins, so that sets are numbered by their first element.
    let (root, child) = (min(first, second), max(first, second))
    parents[child] = Int32(root)
    live[root] = live[root] || live[child]
  }
}

extension ChannelCoupling {
  /// Indices that go together.
  struct CoupledSet {
    /// In order of axes; an axis is a place in ``ChannelCoupling/axes``.
    var places: [(axis: Int, index: Int)]
    /// Why it must stay, if it must.
    var reason: Reason?
  }

  /// The sets that hold an index of an axis in `interesting`, in order of their first element.
  mutating func sets(touching interesting: Set<AxisID>) -> [CoupledSet] {
    var number = [Int32](repeating: -1, count: parents.count)
    var result: [CoupledSet] = []
    for axis in axes where interesting.contains(axis) {
      let start = offset(axis)
      for index in 0..<extent(axis) { number[find(start + index)] = 0 }
    }
    for element in parents.indices where parents[element] == element && number[element] == 0 {
      number[element] = Int32(result.count)
      result.append(CoupledSet(places: [], reason: nil))
    }
    for place in axes.indices.sorted(by: { axes[$0] < axes[$1] }) {
      let start = offset(axes[place])
      for index in 0..<extent(axes[place]) {
        let set = Int(number[find(start + index)])
        guard set >= 0 else { continue }
        result[set].places.append((place, index))
        guard let reason = reasons[Int(marks[start + index])] else { continue }
        if let known = result[set].reason, known.kind <= reason.kind { continue }
        result[set].reason = reason
      }
    }
    return result
  }
}

extension Operator {
  /// Whether a layer's weights are constants; those of others cannot be sliced.
  fileprivate func hasOwnWeights(_ node: Node, in network: Network) -> Bool {
    switch self {
    case .convolution, .transposedConvolution, .gemm: network.constant(node.inputs[1]) != nil
    default: true
    }
  }
}

extension Node {
  /// What the node does with an axis that its rules do not mention.
  fileprivate func neglect(of axis: AxisID, in network: Network) -> String {
    let extent = network[axis.value].shape[axis.axis]
    switch operation {
    case .elementwise, .parametricRelu, .expand:
      if extent == .fixed(1) {
        return "\"\(name)\" broadcasts it over the channels of another value"
      }
    case .reshape, .flatten:
      if let x = inputs[0] {
        return "\"\(name)\" reshapes \(network[x].shape) to \(network[output].shape), "
          + "across channels"
      }
    default: break
    }
    return "\"\(name)\" (\(operation.name)) mixes axis \(axis.axis) of "
      + "\"\(network[axis.value].name)\""
  }
}
