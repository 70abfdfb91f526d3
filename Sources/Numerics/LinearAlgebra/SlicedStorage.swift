/// Memory that somebody else has, for as long as `owner` lives.
public struct LentMemory: @unchecked Sendable {
  // Unchecked: an address alone; what lies there is guarded by who lends it.

  let base: UnsafeMutableRawPointer
  let owner: any AnyObject & Sendable

  public init(at base: UnsafeMutableRawPointer, of owner: any AnyObject & Sendable) {
    (self.base, self.owner) = (base, owner)
  }
}

/// The numbers of a ``SlicedMatrix``.
final class SlicedStorage<Element: SlicedElement>: @unchecked Sendable {
  // Unchecked: rows are written by whoever holds the matrix alone, or each by one thread.

  let base: UnsafeMutablePointer<Element>
  let count: Int
  /// Whose memory it is; nil where it is our own.
  private let owner: (any AnyObject & Sendable)?

  init(count: Int, in lent: LentMemory? = nil) {
    let bytes =
      lent?.base
      ?? .allocate(
        byteCount: count * MemoryLayout<Element>.stride, alignment: Self.alignment)
    precondition(
      Int(bitPattern: bytes).isMultiple(of: Self.alignment), "memory for vectors at \(bytes)")
    base = bytes.bindMemory(to: Element.self, capacity: count)
    self.count = count
    owner = lent?.owner
  }

  /// A line of the cache, and the widest vector.
  private static var alignment: Int { 64 }

  deinit { if owner == nil { UnsafeMutableRawPointer(base).deallocate() } }

  func copy() -> SlicedStorage {
    let copy = SlicedStorage(count: count)
    copy.base.update(from: base, count: count)
    return copy
  }
}
