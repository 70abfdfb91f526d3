import Foundation
import Glibc
import Quantities
import Synchronization

/// Files named by their content: `ab/abcdef…` under one folder.
///
/// A file appears whole or not at all: it is written beside its place, flushed and renamed; what
/// arrives in parts, in `incoming/`. Equal contents are one file, so that storing twice is harmless.
/// Several processes may read and put; uploads belong to one of them, the coordinator. Its small
/// ones are flushed together, see ``flush()``.
public final class ArtifactStore: Sendable {
  public let folder: URL
  /// One writer of an artifact's upload at a time: two workers may bring the same one at once.
  let uploads = UploadLocks()
  /// What need not be on the disk yet.
  let unflushed = UnflushedArtifacts()

  /// Opens the store in `folder`, which is made if it does not exist.
  ///
  /// - Throws: ``ArtifactError`` with `diskFull` or `inputOutput`.
  public init(folder: URL) throws {
    self.folder = folder
    root = folder.path
    try Self.makeFolder(root)
    try Self.makeFolder(incoming)
  }

  /// Path of the folder: paths are strings here, because making a `URL` takes as long as a file.
  let root: String
  var incoming: String { "\(root)/incoming" }

  func path(for digest: Digest) -> String {
    let hex = digest.hex
    return "\(root)/\(hex.prefix(2))/\(hex)"
  }

  /// Where the artifact is, or would be.
  public func url(for digest: Digest) -> URL {
    URL(filePath: path(for: digest), directoryHint: .notDirectory)
  }

  /// Whether the artifact is there; its content is not read.
  public func contains(_ digest: Digest) -> Bool { size(of: digest) != nil }

  /// Size of the artifact in bytes; nil if it is not there.
  public func size(of digest: Digest) -> Int? {
    var status = stat()
    guard stat(path(for: digest), &status) == 0 else { return nil }
    return Int(status.st_size)
  }

  /// Stores `data` under its digest, durably.
  ///
  /// - Throws: ``ArtifactError`` with `diskFull` or `inputOutput`; nothing is left behind then.
  @discardableResult
  public func put(_ data: Data) throws -> Digest { try put(data, isFlushed: true) }

  /// Stores `data` under its digest.
  ///
  /// - Parameter isFlushed: Whether it is on the disk afterwards, or will be with the next
  ///   ``flush()``.
  /// - Throws: ``ArtifactError`` with `diskFull` or `inputOutput`; nothing is left behind then.
  @discardableResult
  public func put(_ data: Data, isFlushed: Bool) throws -> Digest {
    let digest = Digest(of: data)
    return try uploads.withLock(of: digest) {
      // A file of another size is a corrupt one, and is replaced.
      if size(of: digest) == data.count, !isFlushed || !unflushed.contains(digest) { return digest }
      try write(data, as: digest, isFlushed: isFlushed)
      return digest
    }
  }

  /// Writes content whose digest is known.
  ///
  /// - Parameter isFlushed: Whether it is on the disk afterwards, or will be with the next flush.
  func write(_ data: Data, as digest: Digest, isFlushed: Bool) throws {
    let number = Self.files.add(1, ordering: .relaxed).newValue
    // In the folder where it belongs: to rename across folders takes a lock of the whole file system.
    let folder = parent(of: digest)
    if access(folder, F_OK) != 0 { try Self.makeFolder(folder) }
    let temporary = "\(folder)/\(Self.process)-\(number).\(Self.unfinished)"
    do {
      let file = try ArtifactFile(temporary, flags: O_WRONLY | O_CREAT | O_EXCL)
      try file.write(data, at: 0)
      if isFlushed { try file.synchronise() }
      try publish(temporary, as: digest, isFlushed: isFlushed)
      if !isFlushed { unflushed.insert(digest, data) }
    } catch {
      _ = unlink(temporary)
      throw error
    }
  }

  /// Temporary files of this process so far, and a name for it: numbers of processes are not enough
  /// where containers share a folder.
  private static let files = Atomic(0)
  /// How the names of temporary files end.
  static let unfinished = "new"
  private static let process = UUID().uuidString

  /// The artifact's content, verified.
  ///
  /// - Throws: ``ArtifactError`` with `missing`, `corrupt` or `inputOutput`.
  public func data(for digest: Digest) throws -> Data {
    if let data = unflushed.content(of: digest) { return data }
    let file = try open(digest)
    let data = try file.read(at: 0, length: try file.size())
    guard Digest(of: data) == digest else {
      throw ArtifactError(
        .corrupt,
        """
        \(file.path) is corrupt: its content does not have the digest it is named by; \
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
    let path = path(for: digest)
    guard contains(digest) else {
      throw ArtifactError(.missing, "artifact \(digest.short) is missing: no file \(path)")
    }
    return try ArtifactFile(path, flags: O_RDONLY)
  }

  /// Gives a complete file its name.
  ///
  /// - Parameter isFlushed: Whether the name is on the disk afterwards.
  func publish(_ file: String, as digest: Digest, isFlushed: Bool) throws {
    let target = path(for: digest)
    if rename(file, target) != 0 {
      // The first of its folder that arrived in parts.
      try Self.makeFolder(parent(of: digest))
      guard rename(file, target) == 0 else {
        throw ArtifactError.system("rename into", target, errno: errno)
      }
    }
    if isFlushed { try flushName(of: digest) }
  }

  func flushName(of digest: Digest) throws {
    try ArtifactFile(parent(of: digest), flags: O_RDONLY | O_DIRECTORY).synchronise()
  }

  private func parent(of digest: Digest) -> String { "\(root)/\(digest.hex.prefix(2))" }

  private static func makeFolder(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw ArtifactError(
        .inputOutput, "cannot make the folder \(path): \(error.systemReason)")
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
