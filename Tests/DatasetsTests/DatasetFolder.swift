import Foundation

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
    let file = url.appending(path: "set.yaml")
    try Data(yaml.utf8).write(to: file)
    return file
  }

  /// Writes CIFAR-10 records with these labels; pixel p of record r is (r + p) mod 256.
  func write(_ name: String, labels: [UInt8]) throws {
    var data = Data()
    for (record, label) in labels.enumerated() {
      data.append(label)
      data.append(contentsOf: (0..<3072).map { UInt8(($0 + record) % 256) })
    }
    try data.write(to: url.appending(path: name))
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
