import Foundation
import Glibc
import Quantities

/// What lies at a path, links followed.
enum FileKind {
  case file, folder
  /// A pipe, a device or a socket: reading one could wait for ever.
  case other

  /// Nil where there is nothing, or a link to nothing.
  init?(of url: URL) {
    var status = stat()
    guard stat(url.path, &status) == 0 else { return nil }
    self =
      switch status.st_mode & S_IFMT {
      case S_IFREG: .file
      case S_IFDIR: .folder
      default: .other
      }
  }
}

extension DatasetError {
  /// A file or folder that the system does not let us read.
  static func unreadable(_ url: URL, _ error: any Error) -> DatasetError {
    DatasetError(.unreadable, "\(url.path) cannot be read: \(error.systemReason)")
  }
}
