import CMemory
import Foundation

/// Pages of memory, taken from the system and given back to it whole.
///
/// Lendable memory is a file without a name that lives as long as somebody has it open or mapped;
/// other processes of the same user map it by the path in ``lendingPath``.
public final class PageMemory: @unchecked Sendable {
  // Unchecked: the bytes are written through matrices that check who may, and read by many.

  /// The size of a page; parts that are used apart start at multiples of it.
  public static let pageSize = Int(getpagesize())

  /// Bytes of as many whole pages as some bytes need.
  public static func wholePages(_ byteCount: Int) -> Int {
    (byteCount + pageSize - 1) / pageSize * pageSize
  }

  public let base: UnsafeMutableRawPointer
  public let byteCount: Int
  /// Whether another process owns the memory.
  public let isBorrowed: Bool
  private let descriptor: Int32?

  /// Memory of one's own.
  ///
  /// - Throws: ``LinearAlgebraError`` with `outOfMemory`.
  public init(byteCount: Int, lendable: Bool) throws {
    var file: Int32?
    if lendable {
      let made = espalier_memory_file("espalier")
      guard made >= 0, ftruncate(made, byteCount) == 0 else {
        if made >= 0 { close(made) }
        throw LinearAlgebraError.memory(byteCount)
      }
      file = made
    }
    let flags = file == nil ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED
    guard let base = mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, file ?? -1, 0),
      base != MAP_FAILED
    else {
      if let file { close(file) }
      throw LinearAlgebraError.memory(byteCount)
    }
    // Large pages save a fault every 4 KiB; without them all is the same, but slower.
    madvise(base, byteCount, MADV_HUGEPAGE)
    self.base = base
    self.byteCount = byteCount
    descriptor = file
    isBorrowed = false
  }

  /// Memory that another process lends; nil if it is gone, or of another size.
  ///
  /// - Parameter isWritable: Whether this process helps to fill it.
  public init?(borrowing path: String, byteCount: Int, isWritable: Bool = false) {
    let file = open(path, (isWritable ? O_RDWR : O_RDONLY) | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_size == byteCount,
      let base = mmap(
        nil, byteCount, isWritable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, file, 0),
      base != MAP_FAILED
    else { return nil }
    self.base = base
    self.byteCount = byteCount
    descriptor = nil
    isBorrowed = true
  }

  deinit {
    munmap(base, byteCount)
    if let descriptor { close(descriptor) }
  }

  /// Where other processes find it; nil if it is not lendable.
  public var lendingPath: String? { descriptor.map { "/proc/\(getpid())/fd/\($0)" } }

  /// Takes borrowed pages out of this process's account; they come back when they are read.
  func forget(from offset: Int, byteCount: Int) {
    guard isBorrowed else { return }
    madvise(base + offset, byteCount, MADV_DONTNEED)
  }
}

extension LinearAlgebraError {
  fileprivate static func memory(_ byteCount: Int) -> LinearAlgebraError {
    LinearAlgebraError(
      .outOfMemory,
      "no memory for \(byteCount) bytes: \(String(cString: strerror(errno))); use smaller tiles")
  }
}
