import Digests
import Foundation
import LinearAlgebra

/// Features of tiles that the workers of one machine lend each other, so that each tile goes through
/// the network once, whoever computes what.
///
/// Who makes a tile claims it by a lock on a file, and leaves a link to its memory, so that others
/// can help and then read it. Links and locks of a process end with it; a link that leads nowhere,
/// or to something else, is none. Nothing here is needed for a result: whoever finds no tile makes it.
public final class TileLending: Sendable {
  private let folder: String

  /// - Parameter folder: The same for all workers of a cluster on this machine; made if missing.
  public init(folder: URL) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    self.folder = folder.path(percentEncoded: false)
  }

  /// How long to wait for another worker's tile before making it as well.
  private static let patience = Duration.seconds(120)

  private func link(_ key: Digest) -> String { "\(folder)/\(key.hex).tile" }
  private func lock(_ key: Digest) -> String { "\(folder)/\(key.hex).lock" }

  /// What can be done to have a tile.
  enum Approach {
    /// Another worker has it.
    case borrow(TileMemory)
    /// Another worker makes it.
    case help(TileMemory)
    /// Nobody else does; without a claim where that took too long.
    case make(TileClaim?)
  }

  /// Waits until something can be done.
  ///
  /// - Parameter isHelping: Whether this worker helps if another makes the tile, instead of waiting.
  func approach(_ key: Digest, _ layout: TileMemory.Layout, isHelping: Bool) -> Approach {
    let deadline = ContinuousClock.now + Self.patience
    repeat {
      if let memory = find(key, layout, isWritable: isHelping) {
        if memory.isWhole { return .borrow(memory) }
        if isHelping { return .help(memory) }
      }
      if let claim = claim(key) {
        // Whoever had it before may have completed the tile in between.
        guard let memory = find(key, layout), memory.isWhole else { return .make(claim) }
        claim.release()
        return .borrow(memory)
      }
      usleep(1000)
    } while ContinuousClock.now < deadline
    return .make(nil)
  }

  /// Another worker's tile, whole or in the making; nil where nobody offers it.
  func find(_ key: Digest, _ layout: TileMemory.Layout, isWritable: Bool = false) -> TileMemory? {
    TileMemory(at: link(key), layout, key: key, isWritable: isWritable)
  }

  /// Offers a tile for as long as the loan lives.
  func lend(_ memory: TileMemory, as key: Digest) -> TileLoan? {
    guard let path = memory.pages.lendingPath else { return nil }
    // A link cannot replace another; a file that is renamed can.
    let fresh = "\(link(key)).\(getpid())"
    unlink(fresh)
    guard symlink(path, fresh) == 0, rename(fresh, link(key)) == 0 else { return nil }
    return TileLoan(link: link(key), target: path)
  }

  /// Whether another worker has claimed a tile.
  func isBeingMade(_ key: Digest) -> Bool {
    let file = open(lock(key), O_RDWR | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    return flock(file, LOCK_EX | LOCK_NB) != 0
  }

  /// Claims a tile; nil while somebody else does.
  func claim(_ key: Digest) -> TileClaim? {
    let file = open(lock(key), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { return nil }
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      close(file)
      return nil
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
