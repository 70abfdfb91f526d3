/// The numbers of a ``SlicedMatrix``.
final class SlicedStorage<Element: SlicedElement>: @unchecked Sendable {
  // Unchecked: rows are written by whoever holds the matrix alone, or each by one thread.

  let base: UnsafeMutablePointer<Element>
  let count: Int
  /// Whose memory it is; nil where it is our own.
  private let owner: (any AnyObject & Sendable)?

  init(count: Int) {
    let bytes = UnsafeMutableRawPointer.allocate(
      byteCount: count * MemoryLayout<Element>.stride, alignment: Self.alignment)
    base = bytes.bindMemory(to: Element.self, capacity: count)
    self.count = count
    owner = nil
  }

  /// In memory that lives as long as `owner` does.
  init(count: Int, at memory: UnsafeMutableRawPointer, of owner: any AnyObject & Sendable) {
    precondition(
      Int(bitPattern: memory).isMultiple(of: Self.alignment), "memory for vectors at \(memory)")
    base = memory.bindMemory(to: Element.self, capacity: count)
    self.count = count
    self.owner = owner
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
