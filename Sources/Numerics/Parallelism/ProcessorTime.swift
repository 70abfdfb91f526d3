import Foundation

/// Nanoseconds on a processor: while other programs have their turn it does not count, and on a
/// quiet machine it is the time by the clock.
public enum ProcessorTime {
  /// Of the calling thread, during `body`.
  public static func of(_ body: () throws -> Void) rethrows -> Int64 {
    let start = now(CLOCK_THREAD_CPUTIME_ID)
    try body()
    return now(CLOCK_THREAD_CPUTIME_ID) - start
  }

  /// Of all threads of this process, so far.
  public static var ofProcess: Int64 { now(CLOCK_PROCESS_CPUTIME_ID) }

  private static func now(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
