import CFiles
import Foundation
import Glibc

/// An open file of the store. Every failure names the path and the system's error.
struct ArtifactFile: ~Copyable {
  let path: String
  private let descriptor: Int32

  /// Opens a file, and makes it where `flags` say so.
  init(_ path: String, flags: Int32) throws {
    self.path = path
    descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o644)
    if descriptor < 0 { throw ArtifactError.system("open", path, errno: errno) }
  }

  deinit { _ = Glibc.close(descriptor) }

  /// Size in bytes.
  func size() throws -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw ArtifactError.system("measure", path, errno: errno)
    }
    return Int(status.st_size)
  }

  /// Writes all of `data` from byte `offset` on.
  func write(_ data: Data, at offset: Int) throws {
    try data.withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count {
        let count = pwrite(
          descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done,
          off_t(offset + done))
        if count < 0, errno == EINTR { continue }
        // A write of nothing without an error is a disk that is full, too.
        guard count > 0 else {
          throw ArtifactError.system("write", path, errno: count < 0 ? errno : ENOSPC)
        }
        done += count
      }
    }
  }

  /// At most `length` bytes from byte `offset` on; fewer only at the end of the file.
  func read(at offset: Int, length: Int) throws -> Data {
    var data = Data(count: length)
    var done = 0
    while done < length {
      let left = length - done
      let count = data.withUnsafeMutableBytes { bytes in
        pread(descriptor, bytes.baseAddress.map { $0 + done }, left, off_t(offset + done))
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw ArtifactError.system("read", path, errno: errno) }
      if count == 0 { break }
      done += count
    }
    return done == length ? data : data.prefix(done)
  }

  func truncate(to size: Int) throws {
    guard ftruncate(descriptor, off_t(size)) == 0 else {
      throw ArtifactError.system("shorten", path, errno: errno)
    }
  }

  /// Returns when the content is on the disk.
  func synchronise() throws {
    guard fsync(descriptor) == 0 else {
      throw ArtifactError.system("flush", path, errno: errno)
    }
  }

  /// Returns when all that was written to the file's file system before is on the disk.
  func synchroniseFileSystem() throws {
    guard espalier_flush_file_system(descriptor) == 0 else {
      throw ArtifactError.system("flush the file system of", path, errno: errno)
    }
  }
}
