import Foundation
import Glibc
import Synchronization

/// Files named by their content: `ab/abcdef…` under one folder.
///
/// A file appears whole or not at all: it is written in `incoming/`, flushed and renamed. Equal
/// contents are one file, so that storing twice is harmless. Several processes may read and put;
/// chunked uploads belong to one of them, the coordinator.
public final class ArtifactStore: Sendable {
  public let folder: URL
  /// One writer of an artifact's upload at a time: two workers may bring the same one at once.
  let uploads = UploadLocks()

  /// Opens the store in `folder`, which is made if it does not exist.
  ///
  /// - Throws: ``ArtifactError`` with `diskFull` or `inputOutput`.
  public init(folder: URL) throws {
    self.folder = folder
    try Self.makeFolder(folder)
    try Self.makeFolder(incoming)
  }

  var incoming: URL { folder.appending(path: "incoming") }

  /// Where the artifact is, or would be.
  public func url(for digest: Digest) -> URL {
    folder.appending(path: "\(digest.hex.prefix(2))/\(digest.hex)")
  }

  /// Whether the artifact is there; its content is not read.
  public func contains(_ digest: Digest) -> Bool { size(of: digest) != nil }

  /// Size of the artifact in bytes; nil if it is not there.
  public func size(of digest: Digest) -> Int? {
    var status = stat()
    guard stat(url(for: digest).path, &status) == 0 else { return nil }
    return Int(status.st_size)
  }

  /// Stores `data` under its digest.
  ///
  /// - Throws: ``ArtifactError`` with `diskFull` or `inputOutput`; nothing is left behind then.
  @discardableResult
  public func put(_ data: Data) throws -> Digest {
    let digest = Digest(of: data)
    // A file of another size is a corrupt one, and is replaced.
    if size(of: digest) == data.count { return digest }
    try write(data, as: digest)
    return digest
  }

  /// Writes content whose digest is known.
  func write(_ data: Data, as digest: Digest) throws {
    let temporary = incoming.appending(path: "\(UUID().uuidString).new")
    do {
      let file = try ArtifactFile(temporary, flags: O_WRONLY | O_CREAT | O_EXCL)
      try file.write(data, at: 0)
      try file.synchronise()
      try publish(temporary, as: digest)
    } catch {
      _ = unlink(temporary.path)
      throw error
    }
  }

  /// The artifact's content, verified.
  ///
  /// - Throws: ``ArtifactError`` with `missing`, `corrupt` or `inputOutput`.
  public func data(for digest: Digest) throws -> Data {
    let file = try open(digest)
    let data = try file.read(at: 0, length: try file.size())
    guard Digest(of: data) == digest else {
      throw ArtifactError(
        .corrupt,
        """
        \(file.url.path) is corrupt: its content does not have the digest it is named by; \
        delete it and run the sweep again
        """)
    }
    return data
  }

  /// A part of an artifact, unverified: whoever puts the parts together verifies the whole.
  ///
  /// - Parameters:
  ///   - offset: First byte wanted; none are returned beyond the end.
  ///   - length: Bytes wanted at most.
  /// - Returns: The bytes, and the size of the whole artifact.
  /// - Throws: ``ArtifactError`` with `missing` or `inputOutput`.
  public func read(
    _ digest: Digest, at offset: Int, length: Int
  ) throws -> (bytes: Data, total: Int) {
    precondition(offset >= 0 && length >= 0, "bytes \(offset)..<\(offset)+\(length) of a file")
    let file = try open(digest)
    let total = try file.size()
    let bytes = try file.read(at: offset, length: min(length, max(0, total - offset)))
    return (bytes, total)
  }

  private func open(_ digest: Digest) throws -> ArtifactFile {
    let url = url(for: digest)
    guard contains(digest) else {
      throw ArtifactError(.missing, "artifact \(digest.short) is missing: no file \(url.path)")
    }
    return try ArtifactFile(url, flags: O_RDONLY)
  }

  /// Gives a complete file its name, durably.
  func publish(_ file: URL, as digest: Digest) throws {
    let target = url(for: digest)
    let parent = target.deletingLastPathComponent()
    if rename(file.path, target.path) == 0 {
      return try ArtifactFile(parent, flags: O_RDONLY | O_DIRECTORY).synchronise()
    }
    try Self.makeFolder(parent)
    guard rename(file.path, target.path) == 0 else {
      throw ArtifactError.system("rename into", target, errno: errno)
    }
    try ArtifactFile(parent, flags: O_RDONLY | O_DIRECTORY).synchronise()
  }

  private static func makeFolder(_ url: URL) throws {
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    } catch {
      throw ArtifactError(
        .inputOutput,
        "cannot make the folder \(url.path): \(error.localizedDescription)")
    }
  }
}

/// A lock for every artifact, some of them shared: others may be written, and flushed, meanwhile.
final class UploadLocks: Sendable {
  private final class Lock: Sendable { let mutex = Mutex(()) }

  private let locks = (0..<64).map { _ in Lock() }

  func withLock<Value: Sendable>(
    of digest: Digest, _ body: () throws -> Value
  ) rethrows -> Value {
    let place = Int(UInt(bitPattern: digest.hashValue) % UInt(locks.count))
    return try locks[place].mutex.withLock { _ in try body() }
  }
}
