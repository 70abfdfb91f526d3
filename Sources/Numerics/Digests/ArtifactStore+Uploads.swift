import Foundation
import Glibc
import Quantities

/// Artifacts that arrive in parts, over any number of connections and restarts.
extension ArtifactStore {
  /// Appends a part to an upload, and stores the artifact once it is complete and its digest right.
  ///
  /// Parts may come twice; a part that leaves a gap is ignored. If the complete content does not
  /// have the digest, it is thrown away and the upload starts again.
  ///
  /// - Parameters:
  ///   - bytes: The part; empty to ask how far the upload has got.
  ///   - offset: Place of the part in the artifact, in bytes.
  ///   - total: Size of the artifact, in bytes.
  /// - Returns: The first byte that is lacking; `total` once the artifact is stored. One that came
  ///   as one part is on the disk after ``flush()``, all others are already.
  /// - Throws: ``ArtifactError`` with `diskFull` or `inputOutput`; what had arrived before is kept.
  public func append(
    _ bytes: Data, to digest: Digest, at offset: Int, total: Int
  ) throws -> Int {
    precondition(
      offset >= 0 && total >= 0 && bytes.count <= total - offset,
      "bytes \(offset)..<\(offset)+\(bytes.count) of an artifact of \(total)")
    return try uploads.withLock(of: digest) {
      if size(of: digest) == total { return total }
      let path = "\(incoming)/\(digest.hex).part"
      if bytes.count == total, access(path, F_OK) != 0 {
        guard Digest(of: bytes) == digest else { return 0 }
        try write(bytes, as: digest, isFlushed: false)
        return total
      }
      let file = try ArtifactFile(path, flags: O_RDWR | O_CREAT)
      var size = try file.size()
      if size > total {
        try file.truncate(to: 0)
        size = 0
      }
      if offset <= size, offset + bytes.count > size {
        try write(bytes.dropFirst(size - offset), to: file, at: size)
        size = offset + bytes.count
      }
      guard size == total else { return size }
      guard Digest(of: try file.read(at: 0, length: total)) == digest else {
        try file.truncate(to: 0)
        return 0
      }
      try file.synchronise()
      try publish(path, as: digest, isFlushed: true)
      return total
    }
  }

  /// A part that was written half, on a full disk, is taken back: only whole parts are kept.
  private func write(_ part: Data, to file: borrowing ArtifactFile, at size: Int) throws {
    do {
      try file.write(part, at: size)
    } catch {
      // The first failure is the one to tell of.
      try? file.truncate(to: size)
      throw error
    }
  }

  /// Removes uploads nobody has continued for `age`, and files of processes that were killed.
  ///
  /// - Throws: ``ArtifactError`` with `inputOutput`.
  public func discardUploads(olderThan age: Duration) throws {
    do {
      let files = FileManager.default
      for folder in try files.contentsOfDirectory(atPath: root).map({ "\(root)/\($0)" }) {
        // A file that lies among the folders is not the store's.
        for name in (try? files.contentsOfDirectory(atPath: folder)) ?? []
        where folder == incoming || name.hasSuffix(".\(Self.unfinished)") {
          discard("\(folder)/\(name)", ifOlderThan: age)
        }
      }
    } catch {
      throw ArtifactError(.inputOutput, "cannot tidy \(root): \(error.systemReason)")
    }
  }

  private func discard(_ path: String, ifOlderThan age: Duration) {
    var status = stat()
    guard stat(path, &status) == 0,
      time(nil) - status.st_mtim.tv_sec > age.components.seconds
    else { return }
    _ = unlink(path)
  }
}
