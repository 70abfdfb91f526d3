import Foundation

/// The names in a folder and its folders, in the order of torchvision's `ImageFolder`: by class
/// folder, by the path of the folder they lie in, and by name, all by code points.
struct FolderTree {
  struct Image {
    /// Within the folder.
    var path: String
    /// The folder in it that the image lies in, at any depth; nil for none.
    var top: String?
  }

  let url: URL
  /// JPEG and PNG files.
  private(set) var images: [Image] = []
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
    var found: [Folder] = []
    try Self.walk(url, within: Folder(path: "", depth: 0), &found)
    found.sort { a, b in
      let (first, second) = (FileName(a.top ?? ""), FileName(b.top ?? ""))
      return first == second ? FileName(a.path) < FileName(b.path) : first < second
    }
    for folder in found {
      for file in folder.files {
        let path = folder.depth == 0 ? file : "\(folder.path)/\(file)"
        switch URL(filePath: file).pathExtension.lowercased() {
        case "jpg", "jpeg", "png": images.append(Image(path: path, top: folder.top))
        case let other where Self.otherExtensions.contains(other): otherFormats.append(path)
        default: break
        }
      }
      if folder.depth == 1 { folders.append(folder.path) }
    }
  }

  private struct Folder {
    /// Within the whole.
    var path: String
    var depth: Int
    var top: String?
    var files: [String] = []
  }

  private static func walk(
    _ url: URL, within folder: Folder, _ found: inout [Folder]
  ) throws(DatasetError) {
    guard folder.depth <= greatestDepth else {
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
    var folder = folder
    for name in names.sorted(by: { FileName($0) < FileName($1) }) {
      let inner = url.appending(path: name)
      if FileKind(of: inner) == .folder {
        let path = folder.depth == 0 ? name : "\(folder.path)/\(name)"
        try walk(
          inner, within: Folder(path: path, depth: folder.depth + 1, top: folder.top ?? name),
          &found)
      } else {
        folder.files.append(name)
      }
    }
    found.append(folder)
  }

  /// Whether all images lie in class folders.
  var isDividedByClass: Bool { images.allSatisfy { $0.top != nil } }

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
