/// Buffers placed in one block of memory, those that never live together on the same bytes.
struct Arena {
  /// By buffer; the caller's have none.
  private(set) var offsets: [Int]
  private(set) var byteCount = 0

  /// - Parameters:
  ///   - sizes: Bytes, by buffer.
  ///   - uses: The buffers each instruction touches, in order.
  ///   - inputCount: The number of buffers, the first ones, that are the caller's.
  init(sizes: [Int], uses: [[Int]], inputCount: Int) {
    offsets = Array(repeating: 0, count: sizes.count)
    var first: [Int: Int] = [:]
    var last: [Int: Int] = [:]
    for (instruction, buffers) in uses.enumerated() {
      for buffer in buffers where buffer >= inputCount {
        first[buffer] = first[buffer] ?? instruction
        last[buffer] = instruction
      }
    }
    var live: [Int] = []
    for (instruction, buffers) in uses.enumerated() {
      live.removeAll { (last[$0] ?? 0) < instruction }
      for buffer in Set(buffers).sorted() where first[buffer] == instruction {
        let size = Self.rounded(sizes[buffer])
        offsets[buffer] = lowestGap(of: size, among: live.map { ($0, Self.rounded(sizes[$0])) })
        byteCount = max(byteCount, offsets[buffer] + size)
        live.append(buffer)
      }
    }
  }

  /// The first place where `size` bytes lie clear of every live buffer.
  private func lowestGap(of size: Int, among live: [(buffer: Int, size: Int)]) -> Int {
    var offset = 0
    for (buffer, taken) in live.sorted(by: { offsets[$0.buffer] < offsets[$1.buffer] }) {
      if offset + size <= offsets[buffer] { break }
      offset = max(offset, offsets[buffer] + taken)
    }
    return offset
  }

  /// Whole cache lines.
  private static func rounded(_ size: Int) -> Int { (size + 63) / 64 * 64 }
}
