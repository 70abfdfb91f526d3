import COneDNN
import Execution

/// How an array lies in memory: oneDNN's memory descriptor, always of 32-bit floats.
struct Layout: Equatable {
  var descriptor: dnnl_memory_desc_t

  /// Row-major, or with strides of one's own; a single number is an array of one element.
  init(rowMajor shape: [Int], strides: [Int]? = nil, node: String) throws {
    let shape = shape.isEmpty ? [1] : shape
    var strides = (strides ?? shape.rowMajorStrides).map(Int64.init)
    // oneDNN reads no more than the rank, but insists on positive strides.
    strides = strides.map { max(1, $0) }
    descriptor = dnnl_memory_desc_t()
    try check(
      dnnl_memory_desc_init_by_strides(
        &descriptor, Int32(shape.count), shape.map(Int64.init), dnnl_f32, strides),
      "describe an array of shape \(shape)", node: node)
  }

  /// Left to a primitive's choice.
  init(anyOf shape: [Int], node: String) throws {
    try self.init(shape, dnnl_format_tag_any, node: node)
  }

  /// `[N, C, spatial…]` in some order.
  ///
  /// - Throws: ``ExecutionError`` with `unsupported` for blocks of other sizes than 8 and 16.
  init(_ shape: [Int], _ order: ChannelOrder, node: String) throws {
    if order == .first {
      try self.init(rowMajor: shape, node: node)
    } else if let tag = Self.tag(rank: shape.count, order) {
      try self.init(shape, tag, node: node)
    } else {
      throw ExecutionError(
        .unsupported,
        "\"\(node)\" of shape \(shape) with channels as \(order); ask for blocks of 8 or 16")
    }
  }

  private static func tag(rank: Int, _ order: ChannelOrder) -> dnnl_format_tag_t? {
    switch (rank, order) {
    case (3, .blocks(8)): dnnl_aBc8b
    case (4, .blocks(8)): dnnl_aBcd8b
    case (5, .blocks(8)): dnnl_aBcde8b
    case (3, .blocks(16)): dnnl_aBc16b
    case (4, .blocks(16)): dnnl_aBcd16b
    case (5, .blocks(16)): dnnl_aBcde16b
    case (3, .last): dnnl_acb
    case (4, .last): dnnl_acdb
    case (5, .last): dnnl_acdeb
    default: nil
    }
  }

  /// `[N, C, spatial…]` arranged as another layout is; row-major where that one is unusual.
  init(_ shape: [Int], arrangedAs other: Layout, node: String) throws {
    let isBlocked = other.descriptor.format_desc.blocking.inner_nblks > 0
    guard let block = other.channelBlock, isBlocked || block > 1,
      let tag = Self.tag(rank: shape.count, isBlocked ? .blocks(block) : .last())
    else {
      try self.init(rowMajor: shape, node: node)
      return
    }
    try self.init(shape, tag, node: node)
  }

  private init(_ shape: [Int], _ tag: dnnl_format_tag_t, node: String) throws {
    descriptor = dnnl_memory_desc_t()
    try check(
      dnnl_memory_desc_init_by_tag(
        &descriptor, Int32(shape.count), shape.map(Int64.init), dnnl_f32, tag),
      "describe an array of shape \(shape)", node: node)
  }

  init(_ descriptor: dnnl_memory_desc_t) { self.descriptor = descriptor }

  /// Includes the zeros that round blocked axes up.
  var byteCount: Int { withUnsafePointer(to: descriptor) { dnnl_memory_desc_get_size($0) } }

  var shape: [Int] {
    Self.array(descriptor.dims, count: Int(descriptor.ndims))
  }

  /// Elements between neighbours along each axis: between blocks, where the axis is blocked.
  var strides: [Int] {
    Self.array(descriptor.format_desc.blocking.strides, count: Int(descriptor.ndims))
  }

  /// The number of channels that lie next to each other: a block's, all where channels vary
  /// fastest, 1 in row-major arrays; nil where anything but channels is blocked.
  var channelBlock: Int? {
    guard descriptor.format_kind == dnnl_blocked, descriptor.offset0 == 0, shape.count > 2 else {
      return nil
    }
    let blocking = descriptor.format_desc.blocking
    if blocking.inner_nblks == 0 { return strides[1] == 1 ? shape[1] : 1 }
    guard blocking.inner_nblks == 1, blocking.inner_idxs.0 == 1 else { return nil }
    return Int(blocking.inner_blks.0)
  }

  static func == (a: Layout, b: Layout) -> Bool {
    withUnsafePointer(to: a.descriptor) { a in
      withUnsafePointer(to: b.descriptor) { b in dnnl_memory_desc_equal(a, b) != 0 }
    }
  }

  private static func array(_ tuple: some BitwiseCopyable, count: Int) -> [Int] {
    withUnsafeBytes(of: tuple) { bytes in
      bytes.bindMemory(to: Int64.self).prefix(count).map(Int.init)
    }
  }
}

extension [Int] {
  /// Elements between neighbours along each axis of a row-major array.
  var rowMajorStrides: [Int] {
    var strides = self
    var stride = 1
    for axis in indices.reversed() {
      strides[axis] = stride
      stride *= self[axis]
    }
    return strides
  }
}
