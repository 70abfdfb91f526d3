import Digests
import Foundation
import LinearAlgebra

/// Features of tiles that the workers of one machine lend each other, so that each tile goes through
/// the network once, whoever computes what.
///
/// Who makes a tile claims it by a lock on a file, and leaves a link to its memory when it is whole.
/// Links and locks of a process end with it; a link that leads nowhere, or to something else, is
/// none. Nothing here is needed for a result: whoever finds no tile makes it.
public final class TileLending: Sendable {
  private let folder: String

  /// - Parameter folder: The same for all workers of a cluster on this machine; made if missing.
  public init(folder: URL) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    self.folder = folder.path(percentEncoded: false)
  }

  /// How long to wait for another worker's tile before making it as well.
  private static let patience = Duration.seconds(120)

  /// The size of lendable memory for features of `size` bytes: a page more, which says what it is.
  static func byteCount(_ size: Int) -> Int { size + PageMemory.pageSize }

  private func link(_ key: Digest) -> String { "\(folder)/\(key.hex).tile" }
  private func lock(_ key: Digest) -> String { "\(folder)/\(key.hex).lock" }

  /// Another worker's tile, mapped; nil where nobody offers it.
  func borrow(_ key: Digest, byteCount size: Int) -> PageMemory? {
    guard let pages = PageMemory(borrowing: link(key), byteCount: Self.byteCount(size)),
      UnsafeRawBufferPointer(start: pages.base + size, count: key.mark.count)
        .elementsEqual(key.mark)
    else { return nil }
    return pages
  }

  /// Offers whole features, in memory of ``byteCount(_:)`` bytes.
  func lend(_ pages: PageMemory, as key: Digest) -> TileLoan? {
    guard let path = pages.lendingPath else { return nil }
    (pages.base + pages.byteCount - PageMemory.pageSize).copyMemory(
      from: key.mark, byteCount: key.mark.count)
    // A link cannot replace another; a file that is renamed can.
    let fresh = "\(link(key)).\(getpid())"
    unlink(fresh)
    guard symlink(path, fresh) == 0, rename(fresh, link(key)) == 0 else { return nil }
    return TileLoan(link: link(key), target: path)
  }

  /// Whether another worker seems to offer a tile.
  func offers(_ key: Digest) -> Bool { access(link(key), R_OK) == 0 }

  /// Whether another worker has claimed a tile.
  func isBeingMade(_ key: Digest) -> Bool {
    let file = open(lock(key), O_RDWR | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    return flock(file, LOCK_EX | LOCK_NB) != 0
  }

  /// Claims a tile, as soon as nobody else does; nil where that takes too long.
  func claim(_ key: Digest) -> TileClaim? {
    let file = open(lock(key), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { return nil }
    let deadline = ContinuousClock.now + Self.patience
    while flock(file, LOCK_EX | LOCK_NB) != 0 {
      guard ContinuousClock.now < deadline else {
        close(file)
        return nil
      }
      usleep(1000)
    }
    return TileClaim(file: file, path: lock(key))
  }
}

/// A tile that nobody else need make.
struct TileClaim: Sendable {
  fileprivate let file: Int32
  fileprivate let path: String

  func release() {
    unlink(path)
    close(file)
  }
}

/// A tile on offer, until this is forgotten.
final class TileLoan: Sendable {
  private let link: String
  private let target: String

  fileprivate init(link: String, target: String) {
    self.link = link
    self.target = target
  }

  deinit {
    // Another worker's offer may have taken its place.
    if (try? FileManager.default.destinationOfSymbolicLink(atPath: link)) == target {
      unlink(link)
    }
  }
}

extension Digest {
  /// What stands behind the features of a tile.
  fileprivate var mark: [UInt8] { Array("espalier tile \(hex)".utf8) }
}
