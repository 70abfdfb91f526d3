import Foundation
import Yams

extension DatasetDescription {
  /// Reads a YAML description.
  ///
  /// - Throws: ``DatasetError`` with `unreadable` or `description`, naming file and line.
  init(reading file: URL) throws(DatasetError) {
    let text: String
    do {
      text = try String(contentsOf: file, encoding: .utf8)
    } catch {
      let isThere = FileManager.default.fileExists(atPath: file.path)
      let reason =
        isThere
        ? "cannot be read as UTF-8 text; give the YAML file that describes the data, not the data"
        : "does not exist; check the path of the data set's YAML file"
      throw DatasetError(.unreadable, "\(file.path): \(reason)")
    }
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch {
      throw DatasetError(.description, "\(file.path): this is not YAML: \(error)")
    }
    try self.init(DescriptionReader(file: file, root: root))
  }

  private init(_ reader: DescriptionReader) throws(DatasetError) {
    try reader.checkKeys(known: Self.commonKeys + Self.keys.map(\.name))
    let format: Format = try reader.choice("format", reader.required("format"))
    for (name, formats) in Self.keys where !formats.contains(format) {
      guard let node = reader.mapping[name] else { continue }
      let known = formats.map(\.rawValue).joined(separator: " and ")
      throw reader.fault(node, "'\(name)' is for \(known), not for \(format.rawValue); remove it")
    }
    self.init(
      file: reader.file, format: format, paths: try reader.paths(reader.required("path")),
      inputs: try Self.inputs(reader, format), limit: try reader.count("limit"),
      classes: try reader.count("classes"), labels: try reader.text("labels"))
    classesFile = try reader.text("classes_file").map(url)
    shuffle = try reader.count("shuffle", from: 0)
    preparation = try ImagePreparation(reader)
    skipCorrupt = try reader.count("skip_corrupt", from: 0) ?? 0
    try checkFolder(reader)
  }

  private static let commonKeys = ["format", "path", "normalise", "limit", "classes"]

  /// Keys that only some formats have.
  private static let keys: [(name: String, formats: [Format])] = [
    ("images", [.npz]), ("inputs", [.npz]), ("layout", [.npz, .npy]),
    ("labels", [.npz, .npy, .imageFolder]), ("classes_file", [.imageFolder]),
    ("resize", [.imageFolder]), ("interpolation", [.imageFolder]), ("crop", [.imageFolder]),
    ("colour", [.imageFolder]), ("shuffle", [.imageFolder]), ("skip_corrupt", [.imageFolder]),
  ]

  private func checkFolder(_ reader: DescriptionReader) throws(DatasetError) {
    guard format == .imageFolder else { return }
    guard paths.count == 1 else {
      throw reader.fault(
        try reader.required("path"), "path names \(paths.count) folders; an image-folder is one")
    }
    if labels != nil, let node = reader.mapping["classes_file"] {
      throw reader.fault(node, "labels come from 'labels' already; remove one of the two")
    }
  }

  private static func inputs(
    _ reader: DescriptionReader, _ format: Format
  ) throws(DatasetError) -> [Input] {
    guard let node = reader.mapping["inputs"] else {
      return [
        try input(named: nil, array: reader.text("images"), reader, needed: format.isImages)
      ]
    }
    guard let inputs = node.mapping, !inputs.isEmpty else {
      throw reader.fault(
        node, "inputs is no block; write the network's inputs, each with its array: '{x: first}'")
    }
    for key in ["images", "layout", "normalise"] {
      guard let node = reader.mapping[key] else { continue }
      throw reader.fault(node, "'\(key)' stands beside 'inputs'; move it into the input it is for")
    }
    var result: [Input] = []
    for (key, value) in inputs {
      guard let name = key.scalar?.string, !name.isEmpty else {
        throw reader.fault(key, "an input has no name")
      }
      if let array = value.scalar?.string, !array.isEmpty {
        result.append(Input(name: name, array: array))
        continue
      }
      let inner = try reader.block(value, "input '\(name)'")
      try inner.checkKeys(known: ["array", "layout", "normalise"])
      result.append(
        try input(named: name, array: inner.text("array") ?? name, inner, needed: false))
    }
    return result
  }

  private static func input(
    named name: String?, array: String?, _ reader: DescriptionReader, needed: Bool
  ) throws(DatasetError) -> Input {
    var layout: Layout?
    if let node = reader.mapping["layout"] { layout = try reader.choice("layout", node) }
    let node = needed ? try reader.required("normalise") : reader.mapping["normalise"]
    var statistics: ChannelStatistics?
    if let node { statistics = try ChannelStatistics(node, reader) }
    return Input(name: name, array: array, layout: layout, statistics: statistics)
  }
}

extension DatasetDescription.Format {
  /// Whether the samples are 8-bit pixels in any case.
  fileprivate var isImages: Bool { self == .cifar10Binary || self == .imageFolder }
}

extension ChannelStatistics {
  fileprivate init(_ node: Node, _ reader: DescriptionReader) throws(DatasetError) {
    guard node.mapping != nil else {
      throw reader.fault(node, "normalise is no block; write '{mean: [0.5], std: [0.25]}'")
    }
    let statistics = try reader.block(node, "normalise")
    try statistics.checkKeys(known: ["mean", "std"])
    mean = try statistics.numbers("mean") { $0.isFinite }
    std = try statistics.numbers("std") { $0.isFinite && $0 > 0 }
  }
}

extension ImagePreparation {
  fileprivate init(_ reader: DescriptionReader) throws(DatasetError) {
    if let node = reader.mapping["colour"] { colour = try reader.choice("colour", node) }
    if let node = reader.mapping["resize"] {
      let sizes = try reader.sizes("resize", node)
      resize =
        sizes.count == 1
        ? .shortSide(sizes[0]) : .size(ImageSize(height: sizes[0], width: sizes[1]))
    }
    if let node = reader.mapping["interpolation"] {
      guard resize != nil else {
        throw reader.fault(node, "interpolation is said, but no 'resize'; add one, or remove it")
      }
      interpolation = try reader.choice("interpolation", node)
    }
    if let node = reader.mapping["crop"] {
      let sizes = try reader.sizes("crop", node)
      crop = ImageSize(height: sizes[0], width: sizes[sizes.count - 1])
    }
  }
}
