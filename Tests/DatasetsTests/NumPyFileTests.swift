import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

@Suite(.tags(.pure)) struct NumPyFileTests {
  @Test(
    "a tensor comes back from its file, in every type that holds it",
    arguments: NumPyFile.ElementType.allCases)
  func roundTrip(type: NumPyFile.ElementType) throws {
    let folder = try DatasetFolder()
    let file = folder.url.appending(path: "array.npy")
    for shape in [[], [6], [2, 3], [1, 6, 1]] {
      let elements: [Float] = [0, 1, 1, 0, 0, 1]
      let tensor = Tensor(shape: shape, elements: Array(elements.suffix(shape.elementCount)))
      try NumPyFile.write(tensor, as: type, to: file)
      #expect(try NumPyFile.read(file) == tensor)
    }
  }

  @Test("whole numbers are rounded towards zero and cut to what the type holds")
  func wholeNumbers() throws {
    let folder = try DatasetFolder()
    let file = folder.url.appending(path: "array.npy")
    let tensor = Tensor(shape: [4], elements: [-1.9, 300, .nan, 2.9])
    for (type, expected): (NumPyFile.ElementType, [Float]) in [
      (.uint8, [0, 255, 0, 2]), (.int8, [-1, 127, 0, 2]), (.int64, [-1, 300, 0, 2]),
      (.bool, [1, 1, 1, 1]),
    ] {
      try NumPyFile.write(tensor, as: type, to: file)
      #expect(try NumPyFile.read(file).elements == expected)
    }
  }

  @Test("a file has the very bytes that NumPy writes")
  func bytes() throws {
    let folder = try DatasetFolder()
    let file = folder.url.appending(path: "array.npy")
    try NumPyFile.write(Tensor(shape: [2, 1], elements: [1, -2]), to: file)
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }"
    var expected = Data([0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0])
    expected.append(contentsOf: header.padding(toLength: 117, withPad: " ", startingAt: 0).utf8)
    expected.append(contentsOf: [10, 0, 0, 128, 63, 0, 0, 0, 192])
    #expect(try Data(contentsOf: file) == expected)
  }

  @Test("a folder, and a file that is no array, are refused by name")
  func refused() throws {
    let folder = try DatasetFolder()
    try folder.write("text.npy", Data("no array".utf8))
    for place in [folder.url, folder.url.appending(path: "text.npy")] {
      let error = #expect(throws: DatasetError.self) { try NumPyFile.read(place) }
      #expect(error?.message.contains(place.path) == true)
    }
  }
}
