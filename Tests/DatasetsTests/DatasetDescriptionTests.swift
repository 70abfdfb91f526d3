import Datasets
import Foundation
import TestSupport
import Testing

@Suite(.tags(.pure))
struct DatasetDescriptionTests {
  /// The message that a description gets, without its folder.
  private func message(_ yaml: String) throws -> String {
    let folder = try DatasetFolder()
    try folder.write("data.bin", labels: [1, 2])
    let file = try folder.describe(yaml)
    let error = #expect(throws: DatasetError.self, "\(yaml)") { try Dataset.read(file) }
    return error?.message.replacing(folder.url.path + "/", with: "") ?? ""
  }

  @Test("unknown keys are named with their line, and what was meant or is known")
  func unknownKeys() throws {
    #expect(
      try message(cifarYAML("quux: 4"))
        .hasPrefix("set.yaml:4: 'quux' is no key here; known are format, path"))
    #expect(
      try message("format: npz\npath: a\nnormalise:\n  mean: 0\n  sdt: 1")
        == "set.yaml:5: 'sdt' is no key here; did you mean 'std'?")
    #expect(
      try message(cifarYAML("layout: nhwc"))
        == "set.yaml:4: 'layout' is for npz and npy, not for cifar10-binary; remove it")
  }

  @Test(
    "values outside their range are refused with their line",
    arguments: [
      ("limit: 0", "limit is '0'"), ("limit: -1", "limit is '-1'"), ("limit: many", "limit is"),
      ("classes: 0", "classes is '0'"),
    ])
  func ranges(line: String, reason: String) throws {
    let message = try message(cifarYAML(line))
    #expect(message.hasPrefix("set.yaml:4: \(reason)"), "\(message)")
  }

  @Test(
    "normalisation must be possible",
    arguments: [
      ("{mean: 0.5, std: 0}", "must be above 0"), ("{mean: 0.5, std: [1, 1, -1]}", "above 0"),
      ("{mean: .nan, std: 1}", "mean is"), ("{mean: 0.5}", "'std' is missing"),
      ("{mean: [a, b], std: 1}", "no list of numbers"),
      ("{mean: [], std: 1}", "no list of numbers"),
      ("0.5", "no block"), ("{mean: [1, 2], std: 1}", "2 numbers in mean, but the images have 3"),
    ])
  func normalisation(value: String, reason: String) throws {
    let message = try message("format: cifar10-binary\npath: data.bin\nnormalise: \(value)")
    #expect(message.contains(reason), "\(message)")
    #expect(message.hasPrefix("set.yaml"))
  }

  @Test("missing keys, wrong formats and wrong YAML are refused")
  func structure() throws {
    #expect(try message("").contains("describes no data set"))
    #expect(try message("- a").contains("describes no data set"))
    #expect(try message("path: a").contains("'format' is missing"))
    #expect(try message("format: npz").contains("'path' is missing"))
    #expect(
      try message("format: cifar10-binary\npath: data.bin").contains("'normalise' is missing"))
    #expect(try message("format: image-folder\npath: .").contains("'normalise' is missing"))
    #expect(
      try message("format: jpeg").contains("write cifar10-binary or npz or npy or image-folder"))
    #expect(try message("format: npz\npath: []").contains("names no file"))
    #expect(try message("format: [").contains("not YAML"))
    #expect(try message("limit: 1\nlimit: 2").contains("not YAML"))
  }

  @Test("a description that is missing or no text is named")
  func unreadable() throws {
    let missing = URL(filePath: "/nowhere/set.yaml")
    let error = #expect(throws: DatasetError.self) { try Dataset.read(missing) }
    #expect(error?.message.hasPrefix("/nowhere/set.yaml: does not exist") == true)
    let binary = Fixtures.url("wrong-crc.npz", module: "Datasets")
    let other = #expect(throws: DatasetError.self) { try Dataset.read(binary) }
    #expect(other?.message.contains("not the data") == true)
  }
}
