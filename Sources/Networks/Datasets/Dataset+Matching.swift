/// What a network reads, or a data set holds, for one input.
public struct DataInput: Sendable, Hashable, Codable {
  public var name: String
  /// Of one sample, without the batch axis.
  public var shape: [Int]

  public init(name: String, shape: [Int]) {
    self.name = name
    self.shape = shape
  }
}

extension Dataset {
  /// The data set with its inputs in a network's order and under the network's names.
  ///
  /// An input that the description names goes to the network's input of that name. Those without a
  /// name go to the inputs that are left: in order where the shapes agree so, else each to the only
  /// one of its shape.
  ///
  /// - Throws: ``DatasetError`` with `shape` where names, shapes or counts differ, or where shapes
  ///   do not say which is which.
  public func matched(to network: [DataInput]) throws(DatasetError) -> Dataset {
    guard inputs.count == network.count else {
      throw mismatch("it has \(inputs.count) of the \(network.count) inputs", network)
    }
    var columns = [InputColumn?](repeating: nil, count: network.count)
    for input in inputs {
      guard let name = input.name else { continue }
      guard let place = network.firstIndex(where: { $0.name == name }), columns[place] == nil
      else { throw mismatch("there is no input '\(name)'", network) }
      columns[place] = input
    }
    var left = columns.indices.filter { columns[$0] == nil }
    let unnamed = inputs.filter { $0.name == nil }
    let isInOrder = zip(left, unnamed).allSatisfy { network[$0].shape == $1.shape }
    for input in unnamed {
      let fitting = left.filter { network[$0].shape == input.shape }
      guard let place = fitting.first, isInOrder || fitting.count == 1 else {
        throw mismatch("its samples are of shape \(samples.shapes.spoken)", network)
      }
      columns[place] = input
      left.removeAll { $0 == place }
    }
    var matched: [InputColumn] = []
    for (column, input) in zip(columns, network) {
      guard var column, column.shape == input.shape else {
        throw mismatch("its samples are of shape \(samples.shapes.spoken)", network)
      }
      column.name = input.name
      matched.append(column)
    }
    return with(DataShard(inputs: matched, labels: labels))
  }

  private func mismatch(_ reason: String, _ network: [DataInput]) -> DatasetError {
    let wanted = network.map { "'\($0.name)' of shape \($0.shape)" }.joined(separator: ", ")
    let advice =
      network.count == 1
      ? "use the data the network was trained for, in its size"
      : "describe each under 'inputs:' by its name"
    return DatasetError(
      .shape,
      "data set '\(name)' does not fit: the network reads \(wanted), but \(reason); \(advice)")
  }
}
