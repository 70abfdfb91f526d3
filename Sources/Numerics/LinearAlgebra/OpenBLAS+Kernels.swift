import COpenBLAS
import Foundation

extension OpenBLAS {
  /// Begins the program again with the kernels that fit its processor, where OpenBLAS does not know
  /// it: to be called before anything else.
  ///
  /// Debian 12's OpenBLAS of 2022 takes every processor that it has not heard of for one without
  /// vectors of 256 bits, and multiplies at a fifth of the rate that its own newer kernels reach there.
  /// It looks for another choice, in `OPENBLAS_CORETYPE`, only while it is being loaded. One that is
  /// set already stays; where the program cannot begin again it goes on, slowly.
  public static func useKernelsOfProcessor() {
    let variable = "OPENBLAS_CORETYPE"
    guard getenv(variable) == nil, configuration.contains("DYNAMIC_ARCH"),
      let kernels = better(
        than: String(cString: openblas_get_corename()), hasAVX2: processor_has_avx2(),
        hasAVX512: processor_has_avx512())
    else { return }
    setenv(variable, kernels, 1)
    // Threads of a pool block signals, and the program would begin with what this one blocks.
    var none = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, nil)
    // By its own path: processes are called by the last part of it.
    let link = "/proc/self/exe"
    execv(
      (try? FileManager.default.destinationOfSymbolicLink(atPath: link)) ?? link,
      CommandLine.unsafeArgv)
  }

  /// The kernels for a processor with some instructions; nil where those that OpenBLAS took use them,
  /// or there are none.
  static func better(than taken: String, hasAVX2: Bool, hasAVX512: Bool) -> String? {
    let fitting = ["Haswell", "Zen", "Excavator", "SkylakeX", "Cooperlake", "Sapphirerapids"]
    guard hasAVX2, !fitting.contains(where: { $0.lowercased() == taken.lowercased() }) else {
      return nil
    }
    return hasAVX512 ? "SkylakeX" : "Haswell"
  }
}
