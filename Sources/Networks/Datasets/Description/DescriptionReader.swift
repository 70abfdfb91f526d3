import Foundation
import Quantities
import Yams

/// Takes values out of a description's nodes, with the line in every error.
struct DescriptionReader {
  let file: URL
  let root: Node
  let mapping: Node.Mapping

  init(file: URL, root: Node?) throws(DatasetError) {
    guard let root, let mapping = root.mapping else {
      throw DatasetError(
        .description,
        "\(file.path): this describes no data set; write 'format:', 'path:' and 'normalise:'")
    }
    self.init(file: file, root: root, mapping: mapping)
  }

  private init(file: URL, root: Node, mapping: Node.Mapping) {
    self.file = file
    self.root = root
    self.mapping = mapping
  }

  /// A reader of a block within this one.
  func block(_ node: Node, _ name: String) throws(DatasetError) -> DescriptionReader {
    guard let mapping = node.mapping else {
      throw fault(node, "\(name) is no block of keys; write one, or remove it")
    }
    return DescriptionReader(file: file, root: node, mapping: mapping)
  }

  func fault(_ node: Node, _ message: String) -> DatasetError {
    DatasetError(.description, "\(file.path):\(node.mark?.line ?? 0): \(message)")
  }

  func checkKeys(known: [String]) throws(DatasetError) {
    for (key, _) in mapping where !known.contains(key.scalar?.string ?? "") {
      let name = key.scalar?.string
      throw fault(
        key, "'\(name ?? "a block")' is no key here; \(advice(on: name, known: known))")
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
    _ key: String, where isAllowed: (Double) -> Bool
  ) throws(DatasetError) -> [Double] {
    guard let node = mapping[key] else {
      throw fault(root, "'\(key)' is missing; write one number for each channel")
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

  /// One size, or height and width: whole numbers from 1 to ``ImageSize/greatestSide``.
  func sizes(_ key: String, _ node: Node) throws(DatasetError) -> [Int] {
    let nodes = node.sequence.map(Array.init) ?? [node]
    let sizes = nodes.compactMap { $0.scalar.flatMap { Int($0.string) } }
    guard (1...2).contains(sizes.count), sizes.count == nodes.count,
      sizes.allSatisfy((1...ImageSize.greatestSide).contains)
    else {
      throw fault(
        node,
        "\(key) is no size; write pixels from 1 to \(ImageSize.greatestSide), or [height, width]")
    }
    return sizes
  }

  /// A whole number of at least `least`, where there is one.
  func count(_ key: String, from least: Int = 1) throws(DatasetError) -> Int? {
    guard let node = mapping[key] else { return nil }
    guard let count = node.scalar.flatMap({ Int($0.string) }), count >= least else {
      let shown = node.scalar?.string ?? "a block"
      throw fault(
        node, "\(key) is '\(shown)'; write a whole number of at least \(least), or remove it")
    }
    return count
  }

  func text(_ key: String) throws(DatasetError) -> String? {
    guard let node = mapping[key] else { return nil }
    guard let text = node.scalar?.string, !text.isEmpty else {
      throw fault(node, "'\(key)' is no text; write a name, or remove it")
    }
    return text
  }
}
