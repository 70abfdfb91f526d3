import CTileProducts

/// The numbers of a ``SlicedMatrix``: memory of their own, or a part of some pages.
final class SlicedStorage<Element: SlicedElement>: @unchecked Sendable {
  // Unchecked: rows are written by whoever holds the matrix alone, or each by one thread.

  let base: UnsafeMutablePointer<Element>
  let count: Int
  /// The pages that the numbers lie in; nil for memory of their own.
  private let pages: PageMemory?

  init(count: Int) {
    base = .allocate(capacity: count)
    self.count = count
    pages = nil
  }

  init(count: Int, in pages: PageMemory, at offset: Int) {
    precondition(
      offset >= 0 && offset % PageMemory.pageSize == 0
        && offset + count * MemoryLayout<Element>.stride <= pages.byteCount,
      "\(count) numbers at \(offset) of \(pages.byteCount) bytes")
    base = (pages.base + offset).bindMemory(to: Element.self, capacity: count)
    self.count = count
    self.pages = pages
  }

  deinit { if pages == nil { base.deallocate() } }

  func copy() -> SlicedStorage {
    let copy = SlicedStorage(count: count)
    copy.base.update(from: base, count: count)
    return copy
  }

  /// Takes borrowed pages out of this process's account.
  func forget() {
    guard let pages else { return }
    let start = UnsafeMutableRawPointer(base) - pages.base
    pages.forget(from: start, byteCount: count * MemoryLayout<Element>.stride)
  }

  /// The numbers of a matrix, with a margin that kernels read and ignore.
  static func count(rows: Int, columns: Int) -> Int {
    (columns + espalier_slice - 1) / espalier_slice * rows * espalier_slice
      + espalier_slice_margin
  }
}
