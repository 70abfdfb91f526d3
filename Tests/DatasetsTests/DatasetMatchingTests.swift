import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

@Suite(.tags(.pure))
struct DatasetMatchingTests {
  /// A data set of three samples; the k-th input holds k in every place.
  private func dataset(_ inputs: (String?, [Int])..., labels: [Int]? = nil) -> Dataset {
    let columns = inputs.enumerated().map { index, input in
      let values = [Float](repeating: Float(index), count: 3 * input.1.reduce(1, *))
      return InputColumn(name: input.0, shape: input.1, storage: .values(values))
    }
    return Dataset(name: "set", samples: DataShard(inputs: columns, labels: labels))
  }

  /// Which of the data set's inputs each of the network's gets.
  private func order(_ dataset: Dataset, _ network: (String, [Int])...) throws -> [Int] {
    let matched = try dataset.matched(to: network.map { DataInput(name: $0.0, shape: $0.1) })
    #expect(matched.inputs.map(\.name) == network.map(\.0))
    #expect(matched.inputs.map(\.shape) == network.map(\.1))
    #expect(matched.labels == dataset.labels)
    return matched.samples.tensors.map { Int($0.elements[0]) }
  }

  @Test("named inputs go where their names say, whatever the order")
  func names() throws {
    let set = dataset(("a", [2]), ("b", [2]), ("c", [3, 3]), labels: [1, 0, 1])
    #expect(try order(set, ("c", [3, 3]), ("b", [2]), ("a", [2])) == [2, 1, 0])
  }

  @Test("inputs without names go in order, or by shape where only that fits")
  func shapes() throws {
    #expect(try order(dataset((nil, [2]), (nil, [2])), ("x", [2]), ("y", [2])) == [0, 1])
    #expect(
      try order(dataset((nil, [2]), (nil, [3]), (nil, [4])), ("x", [4]), ("y", [2]), ("z", [3]))
        == [2, 0, 1])
    #expect(
      try order(dataset((nil, [2]), ("x", [2]), (nil, [3])), ("x", [2]), ("y", [3]), ("z", [2]))
        == [1, 2, 0])
  }

  @Test("matched under one network's names, differently described data are the same")
  func digests() throws {
    let network = [DataInput(name: "x", shape: [2])]
    let named = try dataset(("x", [2])).matched(to: network)
    let unnamed = try dataset((nil, [2])).matched(to: network)
    #expect(named.digest == unnamed.digest)
    #expect(dataset(("x", [2])).digest != dataset((nil, [2])).digest)
  }

  @Test("what does not fit is said with what the network reads")
  func refusing() throws {
    func message(_ dataset: Dataset, _ network: (String, [Int])...) -> String {
      let error = #expect(throws: DatasetError.self) {
        try dataset.matched(to: network.map { DataInput(name: $0.0, shape: $0.1) })
      }
      #expect(error?.code == .shape)
      return error?.message ?? ""
    }
    let size = message(dataset((nil, [3, 32, 32])), ("x", [3, 224, 224]))
    #expect(size.contains("reads 'x' of shape [3, 224, 224]") && size.contains("[3, 32, 32]"))
    #expect(message(dataset(("y", [2])), ("x", [2])).contains("no input 'y'"))
    #expect(message(dataset(("x", [3])), ("x", [2])).contains("shape [3]"))
    #expect(
      message(dataset((nil, [2])), ("x", [2]), ("y", [2])).contains("it has 1 of the 2 inputs"))
    #expect(
      message(dataset((nil, [2]), (nil, [3]), (nil, [2])), ("x", [3]), ("y", [2]), ("z", [2]))
        .contains("under 'inputs:'"))
    #expect(
      message(dataset(("x", [2]), ("x", [2])), ("x", [2]), ("y", [2])).contains("'x'"))
  }

  @Test("labels matter only where they are asked for")
  func labels() throws {
    try dataset((nil, [2]), labels: [0, 4, 1]).checkLabels(classes: 5)
    let classes = #expect(throws: DatasetError.self) {
      try dataset((nil, [2]), labels: [0, 5, 1]).checkLabels(classes: 5)
    }
    #expect(classes?.code == .labels && classes?.message.contains("sample 1") == true)
    let none = #expect(throws: DatasetError.self) {
      try dataset((nil, [2])).checkLabels(classes: 5)
    }
    #expect(none?.message.contains("no labels") == true)
  }
}
