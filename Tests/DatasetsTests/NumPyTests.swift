import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

/// What `generate_archives.py` wrote, as NumPy sees it.
private struct Golden: Decodable {
  var pixels: [UInt8]
  var labels: [Int]
  var grey: [UInt8]
  var normalised: [Float]

  static func read() throws -> Golden {
    let file = Fixtures.url("archives.json", module: "Datasets")
    return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: file))
  }
}

/// Reads one of the archives among the fixtures.
private func read(_ name: String, _ lines: String...) throws -> Dataset {
  let folder = try DatasetFolder()
  let normalise =
    name.hasPrefix("grey")
    ? "{mean: 0.5, std: 0.25}" : "{mean: [0.4, 0.5, 0.6], std: [0.2, 0.25, 0.3]}"
  let yaml = """
    format: npz
    path: \(Fixtures.url("\(name).npz", module: "Datasets").path)
    normalise: \(normalise)
    \(lines.joined(separator: "\n"))
    """
  return try Dataset.read(folder.describe(yaml))
}

@Suite(.tags(.pure))
struct NumPyTests {
  @Test(
    "stored and compressed archives in either layout hold the same images",
    arguments: ["nhwc-stored", "nhwc-compressed", "nchw"])
  func layouts(name: String) throws {
    let golden = try Golden.read()
    let set = try read(name)
    #expect(set.shape == [3, 4, 6])
    #expect(set.pixels == golden.pixels)
    #expect(set.labels == golden.labels)
    #expect(set.classes == nil)
    // Rounding to Float of numbers up to 4.
    expectClose(set.samples.tensors[0].elements, golden.normalised, tolerance: 1e-6)
    #expect(try set.digest == read("nhwc-stored").digest)
  }

  @Test("arrays of other names and byte orders are read when named")
  func otherNames() throws {
    let golden = try Golden.read()
    let set = try read("other-names", "images: pixels", "labels: classes", "layout: nhwc")
    #expect(set.pixels == golden.pixels)
    #expect(set.labels == golden.labels)
  }

  @Test("grey images need no axis of channels, and labels may be missing")
  func grey() throws {
    let golden = try Golden.read()
    let plain = try read("grey")
    #expect(plain.shape == [1, 4, 6])
    #expect(plain.pixels == golden.grey)
    #expect(plain.labels == nil)
    let labelled = try read("grey-one-channel", "limit: 2")
    #expect(labelled.pixels == Array(golden.grey.prefix(48)))
    #expect(labelled.labels == Array(golden.labels.prefix(2)))
    let error = #expect(throws: DatasetError.self) {
      try plain.checkLabels(classes: 2)
    }
    #expect(error?.message.contains("no labels") == true)
  }

  @Test("an unclear layout is decided by the description")
  func ambiguousLayout() throws {
    #expect(try read("ambiguous", "layout: nchw").shape == [3, 6, 3])
    #expect(try read("ambiguous", "layout: nhwc").shape == [3, 3, 6])
  }

  @Test(
    "what is no data set is refused with its reason",
    arguments: [
      ("object-labels", .shape, "Python objects"), ("float-labels", .shape, "labels are integers"),
      ("bool-labels", .shape, "type b1"), ("negative-label", .labels, "sample 1 has label -1"),
      ("huge-label", .shape, "labels are integers"), ("too-few-labels", .shape, "5 samples"),
      ("one-hot", .shape, "one class index each"), ("fortran", .shape, "ascontiguousarray"),
      ("ambiguous", .shape, "add 'layout: nhwc'"), ("no-channels", .shape, "add 'layout: nhwc'"),
      ("rank-two", .shape, "images are [N, H, W, C]"), ("no-images", .shape, "holds no samples"),
      ("unnamed", .format, "but 'data', 'labels'"), ("short-array", .format, "there are 359"),
      ("long-array", .format, "there are 361"), ("short-header", .format, "cut short"),
      ("no-magic", .format, "does not start as one"), ("version-nine", .format, "version 9"),
      ("impossible-shape", .format, "impossible"), ("wrong-crc", .format, "archive is damaged"),
      ("truncated", .format, "no NumPy archive"),
    ] as [(String, DatasetError.Code, String)])
  func refusing(name: String, code: DatasetError.Code, reason: String) throws {
    let error = #expect(throws: DatasetError.self) { try read(name) }
    #expect(error?.code == code)
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("\(name).npz") == true)
  }

  @Test("fields of several types are refused")
  func fields() throws {
    let error = #expect(throws: DatasetError.self) { try read("fields") }
    #expect(error?.message.contains("several types") == true)
  }

  @Test("a wrong array name lists what there is")
  func wrongName() throws {
    let error = #expect(throws: DatasetError.self) { try read("nchw", "labels: truth") }
    #expect(error?.message.contains("no array 'truth', but 'x', 'y'; correct 'labels' in") == true)
  }

  @Test("files of different shapes are not joined")
  func joining() throws {
    let folder = try DatasetFolder()
    let paths = ["nchw", "grey"].map { Fixtures.url("\($0).npz", module: "Datasets").path }
    let yaml = try folder.describe(
      "format: npz\npath: [\(paths.joined(separator: ", "))]\nnormalise: {mean: 0, std: 1}")
    let error = #expect(throws: DatasetError.self) { try Dataset.read(yaml) }
    #expect(error?.message.contains("do not join") == true)
  }

  @Test("the example data sets are read", arguments: [("calibration", 1000), ("evaluation", 2000)])
  func examples(name: String, count: Int) throws {
    let file = Fixtures.root.appending(path: "Examples/\(name).yaml")
    let set = try Dataset.read(file)
    #expect(set.count == count)
    #expect(set.shape == [3, 20, 20])
    try set.checkLabels(classes: 10)
  }
}
