/// The numbers of a ``SlicedMatrix``.
final class SlicedStorage<Element: SlicedElement>: @unchecked Sendable {
  // Unchecked: rows are written by whoever holds the matrix alone, or each by one thread.

  let base: UnsafeMutablePointer<Element>
  let count: Int

  init(count: Int) {
    let bytes = UnsafeMutableRawPointer.allocate(
      byteCount: count * MemoryLayout<Element>.stride, alignment: Self.alignment)
    base = bytes.bindMemory(to: Element.self, capacity: count)
    self.count = count
  }

  /// A line of the cache, and the widest vector.
  private static var alignment: Int { 64 }

  deinit { UnsafeMutableRawPointer(base).deallocate() }

  func copy() -> SlicedStorage {
    let copy = SlicedStorage(count: count)
    copy.base.update(from: base, count: count)
    return copy
  }
}
