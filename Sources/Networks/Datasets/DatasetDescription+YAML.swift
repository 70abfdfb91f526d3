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
    file = reader.file
    try reader.checkKeys(
      reader.mapping,
      known: [
        "format", "path", "normalise", "limit", "classes", "images", "labels", "layout",
      ])
    format = try reader.choice("format", reader.required("format"))
    paths = try reader.paths(reader.required("path"))
    let normalise = try reader.required("normalise")
    guard let statistics = normalise.mapping else {
      throw reader.fault(normalise, "normalise is no block; write '{mean: [0.5], std: [0.25]}'")
    }
    try reader.checkKeys(statistics, known: ["mean", "std"])
    mean = try reader.numbers("mean", of: statistics, at: normalise) { $0.isFinite }
    std = try reader.numbers("std", of: statistics, at: normalise) { $0.isFinite && $0 > 0 }
    limit = try reader.count("limit")
    classes = try reader.count("classes")
    images = try reader.text("images")
    labels = try reader.text("labels")
    layout = nil
    if let node = reader.mapping["layout"] { layout = try reader.choice("layout", node) }
    if format == .cifar10Binary {
      for key in ["images", "labels", "layout"] {
        guard let node = reader.mapping[key] else { continue }
        throw reader.fault(node, "'\(key)' is for npz only; remove it, or set 'format: npz'")
      }
    }
  }
}

/// Takes values out of a description's nodes, with the line in every error.
private struct DescriptionReader {
  let file: URL
  let root: Node
  let mapping: Node.Mapping

  init(file: URL, root: Node?) throws(DatasetError) {
    guard let root, let mapping = root.mapping else {
      throw DatasetError(
        .description,
        "\(file.path): this describes no data set; write 'format:', 'path:' and 'normalise:'")
    }
    self.file = file
    self.root = root
    self.mapping = mapping
  }

  func fault(_ node: Node, _ message: String) -> DatasetError {
    DatasetError(.description, "\(file.path):\(node.mark?.line ?? 0): \(message)")
  }

  func checkKeys(_ mapping: Node.Mapping, known: [String]) throws(DatasetError) {
    for (key, _) in mapping where !known.contains(key.scalar?.string ?? "") {
      let name = key.scalar?.string ?? "a block"
      throw fault(key, "'\(name)' is no key here; known are \(known.joined(separator: ", "))")
    }
  }

  func required(_ key: String) throws(DatasetError) -> Node {
    guard let node = mapping[key] else { throw fault(root, "'\(key)' is missing; add it") }
    return node
  }

  func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ key: String, _ node: Node
  ) throws(DatasetError) -> Choice {
    if let choice = node.scalar.flatMap({ Choice(rawValue: $0.string) }) { return choice }
    let known = Choice.allCases.map(\.rawValue).joined(separator: " or ")
    throw fault(node, "\(key) is '\(node.scalar?.string ?? "a block")'; write \(known)")
  }

  func paths(_ node: Node) throws(DatasetError) -> [URL] {
    let nodes = node.sequence.map(Array.init) ?? [node]
    let texts = nodes.compactMap { $0.scalar?.string }.filter { !$0.isEmpty }
    guard !texts.isEmpty, texts.count == nodes.count else {
      throw fault(node, "path names no file; write one, or a list of files")
    }
    let folder = file.deletingLastPathComponent()
    return texts.map { URL(filePath: $0, relativeTo: folder).absoluteURL.standardizedFileURL }
  }

  /// A number or a list of numbers under a key that must be there.
  func numbers(
    _ key: String, of mapping: Node.Mapping, at parent: Node, where isAllowed: (Double) -> Bool
  ) throws(DatasetError) -> [Double] {
    guard let node = mapping[key] else {
      throw fault(parent, "'\(key)' is missing; write one number for each channel")
    }
    let nodes = node.sequence.map(Array.init) ?? [node]
    let numbers = nodes.compactMap { $0.scalar.flatMap { Double($0.string) } }
    guard !numbers.isEmpty, numbers.count == nodes.count else {
      throw fault(node, "\(key) is no list of numbers; write one for each channel")
    }
    guard numbers.allSatisfy(isAllowed) else {
      let range = key == "std" ? "must be above 0" : "must be finite"
      throw fault(node, "\(key) is \(numbers), but \(range); pixels are in units of 0…1")
    }
    return numbers
  }

  /// A whole number of at least 1, where there is one.
  func count(_ key: String) throws(DatasetError) -> Int? {
    guard let node = mapping[key] else { return nil }
    guard let count = node.scalar.flatMap({ Int($0.string) }), count > 0 else {
      let shown = node.scalar?.string ?? "a block"
      throw fault(node, "\(key) is '\(shown)'; write a whole number of at least 1, or remove it")
    }
    return count
  }

  func text(_ key: String) throws(DatasetError) -> String? {
    guard let node = mapping[key] else { return nil }
    guard let text = node.scalar?.string, !text.isEmpty else {
      throw fault(node, "'\(key)' is no text; write the array's name, or remove it")
    }
    return text
  }
}
