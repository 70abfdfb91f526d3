import Digests
import Foundation

/// The images of a folder and their labels, before any is decoded.
///
/// Labels are, in this order of precedence: those of a labels file, those of a classes file by the
/// name of the class, the ranks of the class folders' names (as in torchvision's `ImageFolder`), or
/// none.
struct ImageFolder {
  struct Entry: Hashable {
    /// The path within the folder.
    var name: String
    /// Nil in a folder without labels, in all entries at once.
    var label: Int?
  }

  let url: URL
  /// At least one, in the order of the samples.
  private(set) var entries: [Entry] = []
  /// The number of classes, where folders or a classes file say it.
  private(set) var classes: Int?

  /// - Throws: ``DatasetError`` with `unreadable`, `format`, `description` or `labels`.
  init(_ description: DatasetDescription) throws(DatasetError) {
    url = description.paths[0]
    guard FileKind(of: url) == .folder else {
      let reason = FileKind(of: url) == nil ? "does not exist" : "is no folder"
      throw DatasetError(
        .unreadable,
        "\(url.path) \(reason); correct 'path' in \(description.file.path): it is relative to that "
          + "file")
    }
    let tree = try FolderTree(url)
    try tree.refuseOtherFormats()
    guard !tree.images.isEmpty else {
      throw DatasetError(
        .format, "\(url.path) holds no image; JPEG and PNG are read (.jpg, .jpeg, .png)")
    }
    if let path = description.labels.map(description.url) {
      try description.checkIsFile(path, key: "labels")
      try label(tree, from: path)
    } else if let path = description.classesFile {
      try description.checkIsFile(path, key: "classes_file")
      try label(tree, classes: try LabelFile.classes(path), file: path)
    } else if tree.isDividedByClass {
      try labelByFolder(tree)
    } else {
      entries = tree.images.map { Entry(name: $0.path) }
    }
    if let seed = description.shuffle { shuffle(seed) }
    if let classes, description.classes.map({ $0 < classes }) == true {
      throw DatasetError(
        .labels,
        "\(url.path) has \(classes) classes, more than 'classes' in \(description.file.path) says")
    }
    for entry in entries {
      guard let label = entry.label, let bound = description.classes, label >= bound else {
        continue
      }
      throw DatasetError(
        .labels,
        "\(url.path): \(entry.name) has label \(label), but classes are 0…\(bound - 1); correct the "
          + "label, or 'classes' in \(description.file.path)")
    }
  }

  /// Every image must be in the file, and every line's image in the folder.
  private mutating func label(_ tree: FolderTree, from file: URL) throws(DatasetError) {
    let labels = try LabelFile.labelsByName(file)
    entries = tree.images.map { Entry(name: $0.path, label: labels[FileName($0.path)]) }
    let unlabelled = entries.filter { $0.label == nil }.map(\.name)
    guard unlabelled.isEmpty else {
      throw DatasetError(
        .labels, "\(file.path) misses \(unlabelled.spoken("image")); add a line for each")
    }
    let surplus = Set(labels.keys).subtracting(entries.map { FileName($0.name) }).sorted()
    guard surplus.isEmpty else {
      throw DatasetError(
        .labels,
        "\(file.path) labels \(surplus.map(\.description).spoken("image")) that \(url.path) has "
          + "not; remove the lines, or add the images")
    }
  }

  /// An image belongs to the class that its folder is named for, or that its own name begins with.
  private mutating func label(
    _ tree: FolderTree, classes: [FileName: Int], file: URL
  ) throws(DatasetError) {
    entries = tree.images.map { image in
      let label =
        if let top = image.top {
          classes[FileName(top)]
        } else {
          FileName(image.path).beginnings.compactMap { classes[$0] }.first { _ in true }
        }
      return Entry(name: image.path, label: label)
    }
    let unknown = entries.filter { $0.label == nil }.map(\.name)
    guard unknown.isEmpty else {
      throw DatasetError(
        .labels,
        "\(file.path) has no class for \(unknown.spoken("image")); an image's folder is named for "
          + "its class, or its name begins with it: 'n01440764_tench.jpg'")
    }
    self.classes = (classes.values.max() ?? 0) + 1
  }

  /// Orders images by the digests of the seed and their names: adding images does not change the
  /// order of the others.
  private mutating func shuffle(_ seed: Int) {
    entries = entries.map { (entry: $0, rank: Digest(parts: ["\(seed)", $0.name])) }
      .sorted { $0.rank < $1.rank }.map(\.entry)
  }

  private mutating func labelByFolder(_ tree: FolderTree) throws(DatasetError) {
    let used = Set(tree.images.compactMap { $0.top.map { FileName($0) } })
    let empty = tree.folders.filter { !used.contains(FileName($0)) }
    guard empty.isEmpty else {
      throw DatasetError(
        .format,
        "\(url.path): class \(empty.spoken("folder")) has no image, and would shift the labels of "
          + "those after it; add images, or remove it")
    }
    let ranks = Dictionary(uniqueKeysWithValues: zip(tree.folders.map { FileName($0) }, 0...))
    entries = tree.images.map { image in
      Entry(name: image.path, label: image.top.flatMap { ranks[FileName($0)] })
    }
    classes = tree.folders.count
  }
}

extension [String] {
  /// For messages: how many, and the first of them.
  func spoken(_ noun: String) -> String {
    let shown = prefix(10).map { "'\($0)'" }.joined(separator: ", ")
    if count == 1 { return "\(noun) \(shown)" }
    return "\(count) \(noun)s: \(shown)\(count > 10 ? " and others" : "")"
  }
}
