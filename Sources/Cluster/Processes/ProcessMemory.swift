import CMemory
import Foundation

/// The memory of this process.
public enum ProcessMemory {
  /// Bytes of memory the process takes, shared libraries included; 0 if the system does not tell.
  public static var resident: Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else {
      return 0
    }
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  /// Gives memory that is free, but kept for later, back to the system.
  public static func giveBack() { espalier_give_freed_memory_back() }

  /// Lets every thread use again what others have freed; to be called before threads compute.
  ///
  /// Fits of layers hand large arrays from thread to thread. With memory of its own for every
  /// thread, they take almost twice as much.
  public static func shareAmongThreads() { espalier_share_freed_memory() }
}
