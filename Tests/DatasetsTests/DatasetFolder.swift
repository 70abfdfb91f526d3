import Datasets
import Foundation
import TestSupport

/// A temporary folder of data files and the YAML that describes them, gone with the test.
final class DatasetFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "datasets-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// Writes `set.yaml` and returns its place.
  func describe(_ yaml: String) throws -> URL {
    try write("set.yaml", Data(yaml.utf8))
    return url.appending(path: "set.yaml")
  }

  /// Writes a file, and the folders it lies in.
  func write(_ name: String, _ content: Data) throws {
    let file = url.appending(path: name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try content.write(to: file)
  }

  /// Writes CIFAR-10 records with these labels; pixel p of record r is (r + p) mod 256.
  func write(_ name: String, labels: [UInt8]) throws {
    var data = Data()
    for (record, label) in labels.enumerated() {
      data.append(label)
      data.append(contentsOf: (0..<3072).map { UInt8(($0 + record) % 256) })
    }
    try write(name, data)
  }

  /// Copies one of the images among the fixtures to a place in this folder.
  func copy(_ image: String, to name: String) throws {
    try write(name, Self.image(image))
  }

  static func image(_ name: String) throws -> Data {
    try Data(contentsOf: Fixtures.url("images/\(name)", module: "Datasets"))
  }
}

/// A CIFAR-10 description that is right but for the lines given.
func cifarYAML(path: String = "data.bin", _ lines: String...) -> String {
  """
  format: cifar10-binary
  path: \(path)
  normalise: {mean: [0.4, 0.5, 0.6], std: [0.2, 0.25, 0.3]}
  \(lines.joined(separator: "\n"))
  """
}

/// A description of an image folder that is right but for the lines given.
func folderYAML(path: String = "images", _ lines: String...) -> String {
  """
  format: image-folder
  path: \(path)
  normalise: {mean: 0, std: 1}
  \(lines.joined(separator: "\n"))
  """
}

extension Dataset {
  /// Of the only input.
  var shape: [Int] { inputs.count == 1 ? inputs[0].shape : [] }

  /// Of the only input, where it is of pixels.
  var pixels: [UInt8] {
    if inputs.count == 1, case .pixels(let pixels, _) = inputs[0].storage { pixels } else { [] }
  }
}
