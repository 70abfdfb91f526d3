import COneDNN
import Execution

/// The same bytes, read as another array.
extension Layout {
  /// Axis i becomes what axis `permutation[i]` was.
  func permuted(_ permutation: [Int], node: String) throws -> Layout {
    var places = permutation.map { _ in Int32(0) }
    for (place, axis) in permutation.enumerated() { places[axis] = Int32(place) }
    var result = dnnl_memory_desc_t()
    let status = withUnsafePointer(to: descriptor) {
      dnnl_memory_desc_permute_axes(&result, $0, places)
    }
    try check(status, "permute the axes \(permutation) of an array", node: node)
    return Layout(result)
  }

  /// The elements, which keep their row-major order, under another shape; nil where their places
  /// do not allow it.
  func reshaped(_ shape: [Int]) -> Layout? {
    let shape = shape.isEmpty ? [1] : shape
    var result = dnnl_memory_desc_t()
    let status = withUnsafePointer(to: descriptor) {
      dnnl_memory_desc_reshape(&result, $0, Int32(shape.count), shape.map(Int64.init))
    }
    return status == dnnl_success ? Layout(result) : nil
  }

  /// Whether it is row-major, has channels last, or has channels in blocks: what kernels are fast
  /// on.
  func isOrdinary(node: String) throws -> Bool {
    try self == Layout(shape, arrangedAs: self, node: node)
  }

  /// Whether nothing is blocked: elements lie at sums of multiples of the strides.
  var isPlain: Bool {
    descriptor.format_kind == dnnl_blocked && descriptor.format_desc.blocking.inner_nblks == 0
      && descriptor.offset0 == 0
  }

  /// Whether an elementwise operation on two such arrays may have post-operations.
  ///
  /// Where blocks of channels do not fill its vectors (of 4, 8 or 16 numbers), oneDNN 2.6 computes
  /// these wrongly and writes past the end: its loop for the last block takes the array for a
  /// broadcast one (`jit_uni_binary_t::execute`, `blocked_oc_tail`).
  var takesPostOperations: Bool { isPlain || shape[1].isMultiple(of: 16) }

  /// Where the indices along an axis lie, in elements; nil where more than one axis is blocked.
  func offsets(_ axis: Int) -> [Int]? {
    let blocking = descriptor.format_desc.blocking
    guard descriptor.format_kind == dnnl_blocked, descriptor.offset0 == 0,
      blocking.inner_nblks <= 1
    else { return nil }
    let isBlocked = blocking.inner_nblks == 1 && blocking.inner_idxs.0 == Int64(axis)
    let block = isBlocked ? Int(blocking.inner_blks.0) : 1
    let stride = strides[axis]
    return (0..<shape[axis]).map { $0 / block * stride + $0 % block }
  }

  /// Elements in memory, with those that round blocked axes up.
  var storedCount: Int { byteCount / MemoryLayout<Float>.stride }
}
