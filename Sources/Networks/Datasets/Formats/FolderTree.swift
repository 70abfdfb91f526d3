import Foundation

/// The names in a folder and its folders, in the order of torchvision's `ImageFolder`: by folder,
/// then by name, both by code points.
struct FolderTree {
  let url: URL
  /// Paths of JPEG and PNG files within the folder.
  private(set) var images: [String] = []
  /// Names of the folders that lie directly in it.
  private(set) var folders: [String] = []
  private var otherFormats: [String] = []

  /// What torchvision would read and Espalier does not.
  private static let otherExtensions = [
    "bmp", "gif", "tif", "tiff", "webp", "ppm", "pgm", "jp2", "heic", "avif",
  ]
  /// Deeper trees are links in a circle.
  private static let greatestDepth = 32

  /// - Throws: ``DatasetError`` with `unreadable` or `format`.
  init(_ url: URL) throws(DatasetError) {
    self.url = url
    var found: [(folder: String, files: [String])] = []
    try Self.walk(url, within: "", depth: 0, &found)
    found.sort { $0.folder.precedesByCodePoints($1.folder) }
    for (folder, files) in found {
      for file in files {
        let name = folder.isEmpty ? file : "\(folder)/\(file)"
        switch URL(filePath: file).pathExtension.lowercased() {
        case "jpg", "jpeg", "png": images.append(name)
        case let other where Self.otherExtensions.contains(other): otherFormats.append(name)
        default: break
        }
      }
      if !folder.isEmpty, !folder.contains("/") { folders.append(folder) }
    }
  }

  private static func walk(
    _ url: URL, within folder: String, depth: Int,
    _ found: inout [(folder: String, files: [String])]
  ) throws(DatasetError) {
    guard depth <= greatestDepth else {
      throw DatasetError(
        .format,
        "\(url.path) lies more than \(greatestDepth) folders deep; is there a link in a circle?")
    }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: url.path)
    } catch {
      throw .unreadable(url, error)
    }
    var files: [String] = []
    for name in names.sorted(by: { $0.precedesByCodePoints($1) }) {
      let inner = url.appending(path: name)
      if FileKind(of: inner) == .folder {
        let path = folder.isEmpty ? name : "\(folder)/\(name)"
        try walk(inner, within: path, depth: depth + 1, &found)
      } else {
        files.append(name)
      }
    }
    found.append((folder, files))
  }

  /// Whether images lie in class folders; none of them lies beside these then.
  var isDividedByClass: Bool { !images.contains { !$0.contains("/") } }

  /// - Throws: ``DatasetError`` with `format`, rather than leave images out without a word.
  func refuseOtherFormats() throws(DatasetError) {
    guard otherFormats.isEmpty else {
      throw DatasetError(
        .format,
        "\(url.path) holds \(otherFormats.spoken("image")) of a format that is not read; convert to "
          + "PNG, or move elsewhere")
    }
  }
}

extension String {
  /// Python's order of strings; Swift's own would take different spellings of an é for equal.
  fileprivate func precedesByCodePoints(_ other: String) -> Bool {
    utf8.lexicographicallyPrecedes(other.utf8)
  }
}
