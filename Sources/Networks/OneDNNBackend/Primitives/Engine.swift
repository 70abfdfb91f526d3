import COneDNN
import Execution

/// The processor and its queue of work; one per plan, used by one thread at a time.
final class Engine {
  let handle: dnnl_engine_t
  let stream: dnnl_stream_t

  init() throws {
    var engine: dnnl_engine_t?
    try check(dnnl_engine_create(&engine, dnnl_cpu, 0), "open the processor", node: "plan")
    guard let engine else {
      throw ExecutionError(.libraryFailure, "oneDNN opened no processor; reinstall libdnnl")
    }
    var stream: dnnl_stream_t?
    let status = dnnl_stream_create(&stream, engine, dnnl_stream_default_flags.rawValue)
    guard status == dnnl_success, let stream else {
      dnnl_engine_destroy(engine)
      throw ExecutionError(.libraryFailure, "oneDNN opened no stream (status \(status.rawValue))")
    }
    self.handle = engine
    self.stream = stream
  }

  deinit {
    dnnl_stream_destroy(stream)
    dnnl_engine_destroy(handle)
  }

  /// Makes oneDNN compute on the calling thread alone.
  ///
  /// OpenMP keeps this setting per thread; kernels are also chosen by it, so plans are made under it.
  static func useCallingThreadOnly() { omp_set_num_threads(1) }
}

/// An array's layout and place, as primitives take it.
final class Memory {
  let handle: dnnl_memory_t

  /// - Parameter pointer: Not owned; nil where ``bind(to:)`` follows.
  init(_ layout: Layout, at pointer: UnsafeMutableRawPointer?, engine: Engine, node: String) throws
  {
    var memory: dnnl_memory_t?
    let status = withUnsafePointer(to: layout.descriptor) {
      dnnl_memory_create(&memory, $0, engine.handle, pointer)
    }
    try check(status, "place an array", node: node)
    guard let memory else {
      throw ExecutionError(.libraryFailure, "oneDNN placed no array for node \"\(node)\"")
    }
    handle = memory
  }

  /// Moves to another place.
  func bind(to pointer: UnsafeMutableRawPointer) throws {
    try check(
      dnnl_memory_set_data_handle(handle, pointer), "place an array", node: "input or output")
  }

  deinit { dnnl_memory_destroy(handle) }
}

/// Memory of one's own on a cache line's boundary.
final class AlignedStorage {
  let pointer: UnsafeMutableRawPointer

  init(byteCount: Int) {
    pointer = .allocate(byteCount: max(64, byteCount), alignment: 64)
  }

  deinit { pointer.deallocate() }
}
