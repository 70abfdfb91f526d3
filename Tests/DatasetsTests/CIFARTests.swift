import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

@Suite(.tags(.pure))
struct CIFARTests {
  @Test("records become labels and planes, normalised on the way to the network")
  func reading() throws {
    let folder = try DatasetFolder()
    try folder.write("data.bin", labels: [7, 0, 9])
    let set = try Dataset.read(folder.describe(cifarYAML()))
    #expect(set.name == "set")
    #expect(set.count == 3)
    #expect(set.shape == [3, 32, 32])
    #expect(set.labels == [7, 0, 9])
    #expect(set.classes == 10)
    #expect(set.pixels.count == 3 * 3072)
    #expect(set.pixels[3072 + 5] == 6)

    let tensor = set.samples.tensors(1..<3)[0]
    #expect(tensor.shape == [2, 3, 32, 32])
    // Pixel 1025 of record 1 is the second of the green plane: (1025 + 1) mod 256 = 2.
    let expected = Float((2.0 / 255 - 0.5) / 0.25)
    #expect(abs(tensor.elements[1025] - expected) < 1e-6)
  }

  @Test("several files are joined and the limit counts over all of them")
  func joining() throws {
    let folder = try DatasetFolder()
    try folder.write("a.bin", labels: [1, 2])
    try folder.write("b.bin", labels: [3, 4, 5])
    let all = try Dataset.read(folder.describe(cifarYAML(path: "[a.bin, b.bin]")))
    #expect(all.labels == [1, 2, 3, 4, 5])
    let some = try Dataset.read(folder.describe(cifarYAML(path: "[a.bin, b.bin]", "limit: 3")))
    #expect(some.labels == [1, 2, 3])
    #expect(some.digest == all.prefix(3).digest)
    let more = try Dataset.read(folder.describe(cifarYAML(path: "a.bin", "limit: 99")))
    #expect(more.count == 2)
  }

  @Test("images can be selected in any order")
  func selecting() throws {
    let folder = try DatasetFolder()
    try folder.write("data.bin", labels: [1, 2, 3])
    let set = try Dataset.read(folder.describe(cifarYAML()))
    let selected = set.selecting([2, 0])
    #expect(selected.labels == [3, 1])
    #expect(selected.samples.tensors(0..<1) == set.samples.tensors(2..<3))
    #expect(selected.samples.tensors(1..<2) == set.samples.tensors(0..<1))
  }

  @Test("the digest names pixels, labels and normalisation, not files")
  func digests() throws {
    let folder = try DatasetFolder()
    try folder.write("data.bin", labels: [1, 2])
    try folder.write("copy.bin", labels: [1, 2])
    try folder.write("other.bin", labels: [1, 3])
    let original = try Dataset.read(folder.describe(cifarYAML())).digest
    let copy = try Dataset.read(folder.describe(cifarYAML(path: "copy.bin"))).digest
    #expect(original == copy)
    let other = try Dataset.read(folder.describe(cifarYAML(path: "other.bin"))).digest
    #expect(original != other)
    let scaled = try Dataset.read(
      folder.describe("format: cifar10-binary\npath: data.bin\nnormalise: {mean: 0, std: 1}")
    ).digest
    #expect(original != scaled)
  }

  @Test("damaged and missing files are named with what to do")
  func damaged() throws {
    let folder = try DatasetFolder()
    func message(_ content: Data?) throws -> String {
      let file = folder.url.appending(path: "data.bin")
      try? FileManager.default.removeItem(at: file)
      try content?.write(to: file)
      let yaml = try folder.describe(cifarYAML())
      let error = #expect(throws: DatasetError.self) { try Dataset.read(yaml) }
      return error?.message ?? ""
    }
    #expect(try message(nil).contains("data.bin does not exist; correct 'path' in"))
    #expect(try message(Data()).contains("is empty"))
    #expect(try message(Data(count: 3072)).contains("no multiple of 3073"))
    #expect(
      try message(Data(count: 3073) + Data(repeating: 10, count: 3073)).contains(
        "image 1 has label 10"))
    #expect(throws: DatasetError.self) {
      try Dataset.read(folder.describe(cifarYAML(path: ".")))
    }
  }

  @Test("labels outside the described classes are refused")
  func classes() throws {
    let folder = try DatasetFolder()
    try folder.write("data.bin", labels: [1, 5])
    let yaml = try folder.describe(cifarYAML("classes: 5"))
    let error = #expect(throws: DatasetError.self) { try Dataset.read(yaml) }
    #expect(error?.code == .labels)
    #expect(error?.message.contains("sample 1 has label 5, but classes are 0…4") == true)
  }

  @Test("CIFAR-10's own files are read", .requiresSharedData)
  func sharedData() throws {
    let folder = try DatasetFolder()
    let path = Fixtures.shared.appending(path: "data/cifar10").path
    let test = try Dataset.read(folder.describe(cifarYAML(path: "\(path)/test.bin")))
    #expect(test.count == 5000)
    // The first test images are a cat, two ships and an aeroplane.
    #expect(test.labels?.prefix(4) == [3, 8, 8, 0])
    let calibration = try Dataset.read(
      folder.describe(cifarYAML(path: "\(path)/calibration.bin", "limit: 1000")))
    #expect(calibration.count == 1000)
    #expect(calibration.labels?.first == 6)
  }
}
