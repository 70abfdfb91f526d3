/// One axis of one value.
public struct AxisID: Hashable, Sendable, Comparable {
  public let value: ValueID
  public let axis: Int

  public init(_ value: ValueID, _ axis: Int) {
    self.value = value
    self.axis = axis
  }

  /// The channel axis of an activation.
  public static func channel(_ value: ValueID) -> AxisID { AxisID(value, 1) }

  public static func < (a: AxisID, b: AxisID) -> Bool {
    (a.value, a.axis) < (b.value, b.axis)
  }
}

/// Which channels can only be kept or removed together, found index by index.
///
/// Every index of every registered axis is an element of a union–find forest; operators tie
/// elements. Working on single indices, not whole axes, is what lets a padded shortcut join the
/// *middle* of a wider sum, or a flatten own a block of columns, by the same two calls.
///
/// Complexity: nearly linear in the number of channels in the graph.
struct ChannelCoupling {
  private let network: Network
  private(set) var axes: [AxisID] = []
  private var offsets: [AxisID: Int] = [:]
  private var parents: [Int32] = []
  /// By element: why it must stay.
  private var reasons: [Int: String] = [:]

  init(_ network: Network) { self.network = network }

  /// Makes the indices of an axis known; they stand alone until tied.
  mutating func register(_ axis: AxisID) { _ = offset(axis) }

  /// Index i of one axis goes with index i of the other.
  mutating func tie(_ a: AxisID, _ b: AxisID) {
    let count = min(extent(a), extent(b))
    let (first, second) = (offset(a), offset(b))
    for index in 0..<count { join(first + index, second + index) }
  }

  /// Index `indices[i]` of `a` goes with index i of `b`.
  mutating func tie(_ a: AxisID, at indices: [Int], _ b: AxisID) {
    let (first, second) = (offset(a), offset(b))
    for (place, index) in indices.enumerated() { join(first + index, second + place) }
  }

  /// Index i of `a` goes with a block of `b`, whose extent is a multiple of `a`'s.
  mutating func tieBlocks(_ a: AxisID, _ b: AxisID) {
    let block = extent(b) / max(extent(a), 1)
    let (first, second) = (offset(a), offset(b))
    for index in 0..<extent(a) {
      for place in 0..<block { join(first + index, second + index * block + place) }
    }
  }

  /// Keeps every index of an axis, and all that goes with it.
  mutating func protect(_ axis: AxisID, _ reason: String) {
    let start = offset(axis)
    for index in 0..<extent(axis) where reasons[start + index] == nil {
      reasons[start + index] = reason
    }
  }

  /// The sets of indices that go together, each with the reason why it must stay, if there is one.
  ///
  /// - Returns: Sets in order of their first element; places within a set in order of axes.
  mutating func sets() -> [(places: [(axis: AxisID, index: Int)], reason: String?)] {
    var numbers: [Int: Int] = [:]
    var result: [(places: [(axis: AxisID, index: Int)], reason: String?)] = []
    for axis in axes {
      let start = offset(axis)
      for index in 0..<extent(axis) {
        let root = find(start + index)
        let number = numbers[root] ?? result.count
        if number == result.count {
          numbers[root] = number
          result.append(([], nil))
        }
        result[number].places.append((axis, index))
        result[number].reason = result[number].reason ?? reasons[start + index]
      }
    }
    return result
  }

  private func extent(_ axis: AxisID) -> Int {
    let shape = network[axis.value].shape
    return axis.axis < shape.rank ? shape[axis.axis].extent ?? 0 : 0
  }

  private mutating func offset(_ axis: AxisID) -> Int {
    if let offset = offsets[axis] { return offset }
    let offset = parents.count
    offsets[axis] = offset
    axes.append(axis)
    parents.append(contentsOf: (0..<extent(axis)).map { Int32(offset + $0) })
    return offset
  }

  private mutating func find(_ element: Int) -> Int {
    var root = element
    while Int(parents[root]) != root { root = Int(parents[root]) }
    var place = element
    while Int(parents[place]) != root {
      (place, parents[place]) = (Int(parents[place]), Int32(root))
    }
    return root
  }

  private mutating func join(_ a: Int, _ b: Int) {
    let (first, second) = (find(a), find(b))
    // The smaller root wins, so that sets are numbered by their first element.
    if first < second { parents[second] = Int32(first) } else { parents[first] = Int32(second) }
  }
}
