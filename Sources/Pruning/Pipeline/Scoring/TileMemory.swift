import Digests
import LinearAlgebra
import Synchronization

/// The memory of a tile's features, and behind them an account of how far they are made, so that
/// several workers can make a tile together.
///
/// Everyone who comes takes the next micro-batch that nobody has taken, until none is left. What
/// somebody took and has not finished, perhaps because it died, the owner makes once more: a
/// micro-batch is the same bytes whoever writes it, so nobody ever waits for a helper.
struct TileMemory: Sendable {
  /// What both sides must agree on.
  struct Layout: Sendable, Hashable {
    /// Bytes of the features, in whole pages.
    var features: Int
    /// Micro-batches in a tile.
    var batches: Int

    /// Bytes of everything.
    var byteCount: Int { features + PageMemory.wholePages(Place.finished + batches) }
  }

  /// Where the account's parts begin behind the features; all of it is zero at first.
  private enum Place {
    static let mark = 0
    static let isWhole = 128
    static let taken = 136
    static let finished = 144
  }

  let pages: PageMemory
  private let layout: Layout

  /// Memory for a tile that is yet to be made.
  ///
  /// - Throws: `LinearAlgebraError` with `outOfMemory`.
  init(_ layout: Layout, key: Digest, isLendable: Bool) throws {
    self.layout = layout
    pages = try PageMemory(byteCount: layout.byteCount, lendable: isLendable)
    (account + Place.mark).copyMemory(from: key.mark, byteCount: key.mark.count)
  }

  /// A tile in the memory of another process; nil if it is gone, or something else.
  init?(at path: String, _ layout: Layout, key: Digest, isWritable: Bool) {
    guard
      let pages = PageMemory(
        borrowing: path, byteCount: layout.byteCount, isWritable: isWritable)
    else { return nil }
    self.pages = pages
    self.layout = layout
    guard
      UnsafeRawBufferPointer(start: account + Place.mark, count: key.mark.count)
        .elementsEqual(key.mark)
    else { return nil }
  }

  /// Whether all features are there.
  var isWhole: Bool { isWholeFlag.pointee.load(ordering: .acquiring) == 1 }

  /// All features are there.
  func complete() { isWholeFlag.pointee.store(1, ordering: .releasing) }

  /// A micro-batch that nobody has taken; nil where all are.
  func take() -> Int? {
    let batch = taken.pointee.wrappingAdd(1, ordering: .relaxed).oldValue
    return batch < layout.batches ? batch : nil
  }

  /// The features of a micro-batch are there.
  func finish(_ batch: Int) { finished[batch].store(1, ordering: .releasing) }

  /// Micro-batches that somebody took and has not finished.
  var unfinished: [Int] {
    (0..<layout.batches).filter { finished[$0].load(ordering: .acquiring) == 0 }
  }

  private var account: UnsafeMutableRawPointer { pages.base + layout.features }
  private var isWholeFlag: UnsafeMutablePointer<Atomic<Int>> {
    (account + Place.isWhole).assumingMemoryBound(to: Atomic<Int>.self)
  }
  private var taken: UnsafeMutablePointer<Atomic<Int>> {
    (account + Place.taken).assumingMemoryBound(to: Atomic<Int>.self)
  }
  private var finished: UnsafeMutablePointer<Atomic<UInt8>> {
    (account + Place.finished).assumingMemoryBound(to: Atomic<UInt8>.self)
  }
}

extension Digest {
  /// What says which tile some memory is.
  fileprivate var mark: [UInt8] { Array("espalier tile \(hex)".utf8) }
}
