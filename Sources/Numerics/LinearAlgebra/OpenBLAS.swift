import COpenBLAS

/// OpenBLAS, each of whose routines runs on the thread that calls it.
///
/// The order of a product's sums, and with it their last bits, would else depend on how many threads
/// share it; and parallelism across products is Espalier's own.
public enum OpenBLAS {
  /// The library in use, as it names itself: version, options and the processor's kernels.
  public static var configuration: String { String(cString: openblas_get_config()) }

  /// State of the whole process, set before its first routine is called.
  private static let usesOneThread: Void = openblas_set_num_threads(1)

  static func call(_ routine: () -> Void) {
    usesOneThread
    routine()
  }
}
