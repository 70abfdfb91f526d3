import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

/// What `generate_arrays.py` wrote, as a network reads it.
private struct Expected: Decodable {
  var shape: [Int]
  var elements: [Double]

  static func read() throws -> [String: Expected] {
    let file = Fixtures.url("arrays.json", module: "Datasets")
    return try JSONDecoder().decode([String: Expected].self, from: Data(contentsOf: file))
  }
}

/// Sets of arrays: several inputs of a network, and numbers that are no pixels.
@Suite(.tags(.pure))
struct ArrayTests {
  private let folder: DatasetFolder

  init() throws { folder = try DatasetFolder() }

  private func path(_ name: String) -> String {
    Fixtures.url("arrays/\(name)", module: "Datasets").path
  }

  private func read(_ lines: String...) throws -> Dataset {
    try Dataset.read(folder.describe(lines.joined(separator: "\n")))
  }

  private func error(_ lines: String...) throws -> DatasetError? {
    let yaml = try folder.describe(lines.joined(separator: "\n"))
    return #expect(throws: DatasetError.self) { try Dataset.read(yaml) }
  }

  private func expect(_ tensor: Tensor, _ name: String) throws {
    let expected = try #require(try Expected.read()[name])
    #expect(tensor.shape == expected.shape, "\(name)")
    // Every type but double is exact; normalised numbers are rounded to Float once.
    expectClose(
      tensor.elements, expected.elements.map { Float($0) }, tolerance: name == "words" ? 0 : 1e-6)
  }

  private static let several = """
    inputs:
      words: words
      image: {normalise: {mean: [0.4, 0.5, 0.6], std: [0.2, 0.25, 0.3]}, layout: nhwc}
      "a half": {array: half}
      single: single
      double: double
      backwards: backwards
      flags: flags
      volume: volume
    """

  @Test("an archive gives every input of a network its array, of any type and rank")
  func severalInputs() throws {
    let set = try read("format: npz", "path: \(path("several.npz"))", Self.several)
    #expect(set.count == 4 && set.labels == [1, 0, 2, 1])
    let names = ["words", "image", "a half", "single", "double", "backwards", "flags", "volume"]
    #expect(set.inputs.map(\.name) == names)
    for (tensor, name) in zip(set.samples.tensors, names) {
      try expect(tensor, name == "a half" ? "half" : name)
    }
    // Pixels stay bytes; one number for each sample has no axis of its own.
    #expect(set.inputs[1].shape == [3, 5, 6] && set.inputs[4].shape == [])
    if case .pixels(let pixels, _) = set.inputs[1].storage {
      #expect(pixels.count == 4 * 90)
    } else {
      Issue.record("pixels were turned into numbers")
    }
    let limited = try read(
      "format: npz", "path: \(path("several.npz"))", "limit: 2", Self.several)
    #expect(limited.samples == set.shard(0..<2))
    #expect(try DataShard(decoding: set.samples.encoded()) == set.samples)
  }

  @Test("files of several inputs are joined sample by sample")
  func joining() throws {
    let file = path("several.npz")
    let one = try read("format: npz", "path: \(file)", Self.several)
    let two = try read("format: npz", "path: [\(file), \(file)]", "limit: 6", Self.several)
    #expect(two.samples == one.selecting([0, 1, 2, 3, 0, 1]).samples)
  }

  @Test("inputs that are wrongly described are named with their line")
  func describing() throws {
    func message(_ lines: String...) throws -> String {
      let lines = ["format: npz", "path: \(path("several.npz"))"] + lines
      let yaml = try folder.describe(lines.joined(separator: "\n"))
      return (#expect(throws: DatasetError.self) { try Dataset.read(yaml) })?.message ?? ""
    }
    #expect(try message("inputs: {a: gone}").contains("no array 'gone', but"))
    #expect(try message("inputs: {gone: {}}").contains("no array 'gone', but"))
    #expect(try message("inputs: words").contains("set.yaml:3: inputs is no block"))
    #expect(try message("inputs: {}").contains("set.yaml:3: inputs is no block"))
    #expect(try message("inputs: {a: [words]}").contains("input 'a' is no block"))
    #expect(try message("inputs: {a: {mean: 1}}").contains("'mean' is no key here"))
    #expect(try message("inputs: {image: image}").contains("8-bit pixels, and 'normalise' is"))
    #expect(
      try message("normalise: {mean: 0, std: 1}", "inputs: {a: words}").contains(
        "'normalise' stands beside 'inputs'; move it"))
    let uneven = try error(
      "format: npz", "path: \(path("uneven.npz"))", "inputs: {a: a, b: b}")
    #expect(uneven?.code == .shape)
    #expect(uneven?.message.contains("array 'b' has 3 samples, but 'a' has 4") == true)
  }

  @Test("an array of floats is read as it is, normalised or with its axes moved where that is said")
  func floats() throws {
    let file = "path: \(path("floats.npy"))"
    let plain = try read("format: npy", file)
    try expect(plain.samples.tensors[0], "floats")
    #expect(plain.labels == nil)
    let normalise = "normalise: {mean: [0.4, 0.5, 0.6], std: [0.2, 0.25, 0.3]}"
    try expect(read("format: npy", file, normalise).samples.tensors[0], "floats-normalised")
    try expect(read("format: npy", file, "layout: nhwc").samples.tensors[0], "floats-nhwc")
    let pixels = try read("format: npy", "path: \(path("pixels.npy"))", normalise)
    try expect(pixels.samples.tensors[0], "image")
  }

  @Test("labels come from another array or from lines of text")
  func labels() throws {
    let file = "path: \(path("floats.npy"))"
    #expect(
      try read("format: npy", file, "labels: \(path("labels.npy"))").labels == [1, 0, 2, 1])
    try folder.write("labels.txt", Data("1\n0\n\n 2\r\n1".utf8))
    #expect(try read("format: npy", file, "labels: labels.txt").labels == [1, 0, 2, 1])
    #expect(try read("format: npy", file, "labels: labels.txt", "limit: 3").labels == [1, 0, 2])
    #expect(
      try error("format: npy", file, "labels: labels.txt", "classes: 2")?.message.contains(
        "labels.txt: sample 2 has label 2, but classes are 0…1") == true)
    try folder.write("labels.txt", Data("1\n0\n2".utf8))
    #expect(
      try error("format: npy", file, "labels: labels.txt")?.message.contains(
        "has 3 labels, but there are 4 samples") == true)
    try folder.write("labels.txt", Data("1\n0\ncat\n1".utf8))
    #expect(
      try error("format: npy", file, "labels: labels.txt")?.message.contains(
        "labels.txt:3: 'cat' is no label") == true)
    #expect(
      try error("format: npy", file, "labels: none.npy")?.message.contains(
        "none.npy does not exist; correct 'labels'") == true)
  }

  @Test(
    "what a network cannot read is refused with its place",
    arguments: [
      ("nan", .shape, "element 5 is nan"), ("overflow", .shape, "element 0 is inf"),
      ("large", .shape, "element 0 is 16777217, which no 32-bit float holds"),
      ("complex", .shape, "type c8"), ("scalar", .shape, "holds no samples"),
      ("text", .shape, "'<U1'; store an array of numbers"), ("empty", .shape, "holds no samples"),
      ("truncated", .format, "takes 480 bytes, but there are"),
    ] as [(String, DatasetError.Code, String)])
  func refusing(name: String, code: DatasetError.Code, reason: String) throws {
    let error = try error("format: npy", "path: \(path("bad-\(name).npy"))")
    #expect(error?.code == code)
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("bad-\(name).npy") == true)
  }

  @Test("pixels without normalisation are refused with how to write it")
  func normalise() throws {
    let error = try error("format: npy", "path: \(path("pixels.npy"))")
    #expect(error?.code == .description)
    #expect(error?.message.contains("mean 0 and std 1 give the network 0…1") == true)
    let channels = try self.error(
      "format: npy", "path: \(path("pixels.npy"))", "normalise: {mean: [0, 0], std: 1}")
    #expect(channels?.message.contains("2 numbers in mean, but the images have 3") == true)
  }
}
