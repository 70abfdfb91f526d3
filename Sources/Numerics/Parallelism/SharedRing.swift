import CMemory
import Foundation

/// Memory that some processes of one machine fill and read together, step by step.
///
/// Step s lies in slot s mod n. Each member writes its part of a step and publishes it, waits until
/// all have, reads all of it and releases it; a slot is written again once all have released it.
/// Nobody is trusted to stay: a member that leaves, dies or stands still ends the ring, every wait
/// for it throws, and the others do their work without it.
///
/// A file in `/dev/shm` that has no name any more once all members are there, so that nothing is
/// left behind by processes that are killed.
public final class SharedRing: @unchecked Sendable {
  // Unchecked: counters are atomic, and slots are written and read as they say.

  /// A ring that did not come about, or has ended.
  public struct Broken: Error, CustomStringConvertible {
    /// Who did not do what.
    public let description: String

    public init(_ description: String) { self.description = description }
  }

  /// How long to wait for others.
  public struct Patience: Sendable {
    /// For their arrival.
    public var arrival: Duration
    /// For a step of one that is there.
    public var step: Duration

    public init(arrival: Duration = .seconds(5), step: Duration = .seconds(300)) {
      (self.arrival, self.step) = (arrival, step)
    }
  }

  /// Where the members are, each in a line of the cache of its own.
  private enum Field: Int {
    case standing
    case process
    /// Bytes of the ring, as the member sees it.
    case size
    /// Steps that it has written.
    case published
    /// Steps that it has read.
    case released
  }
  private enum Standing: UInt64 { case absent, present, gone }

  private let place: Int
  private let members: Int
  private let slots: Int
  private let slotBytes: Int
  private let patience: Patience
  private let path: String
  private let base: UnsafeMutableRawPointer
  private let byteCount: Int
  private let descriptor: Int32

  private static let line = 64
  private static let page = 4096
  private static let folder = "/dev/shm"
  private static var prefix: String { "espalier-\(getuid())-" }

  /// Joins a ring, and waits for the others.
  ///
  /// - Parameters:
  ///   - name: Of this ring and no other, ever; letters, digits, full stops and hyphens.
  ///   - place: Which of the members this is.
  ///   - slotBytes: The same for all.
  /// - Throws: ``Broken`` where there is no such memory, or the others do not come.
  public init(
    _ name: String, place: Int, of members: Int, slots: Int, slotBytes: Int,
    patience: Patience = Patience()
  ) throws {
    precondition((0..<members).contains(place) && slots > 0, "member \(place) of \(members)")
    guard name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || ".-".contains($0)) })
    else { throw Broken("'\(name)' is no name of a ring") }
    (self.place, self.members, self.slots, self.patience) = (place, members, slots, patience)
    self.slotBytes = Self.rounded(slotBytes)
    byteCount = Self.rounded(members * Self.line) + slots * self.slotBytes
    path = "\(Self.folder)/\(Self.prefix)\(name)"
    Self.removeOrphans()
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw Broken("\(path): \(Self.reason(errno))") }
    // Says that it is no orphan.
    flock(descriptor, LOCK_SH)
    // A file with holes would kill whoever writes where no memory is left.
    let shortage = posix_fallocate(descriptor, 0, byteCount)
    let memory =
      shortage == 0
      ? mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0) : MAP_FAILED
    guard let memory, memory != MAP_FAILED else {
      let reason = Self.reason(shortage == 0 ? errno : shortage)
      unlink(path)
      close(descriptor)
      throw Broken("\(byteCount) bytes in \(path): \(reason)")
    }
    base = memory
    set(.process, UInt64(getpid()))
    set(.size, UInt64(byteCount))
    set(.standing, Standing.present.rawValue)
    // Whoever comes last, comes to all: then no name is needed.
    defer { unlink(path) }
    do {
      try wait(for: patience.arrival, "arrive") { member in
        self[.standing, member] != Standing.absent.rawValue
      }
      for member in 0..<members where self[.size, member] != UInt64(byteCount) {
        throw Broken("member \(member) of \(name) has another size in mind")
      }
      for member in 0..<members where self[.standing, member] == Standing.gone.rawValue {
        throw Broken("member \(member) left before all had arrived")
      }
    } catch {
      leave()
      throw error
    }
  }

  deinit {
    leave()
    munmap(base, byteCount)
    close(descriptor)
  }

  /// Ends this member's part; the others can still read what it has published.
  public func leave() { set(.standing, Standing.gone.rawValue) }

  /// Where a step lies, at a page's begin.
  public func slot(_ step: Int) -> UnsafeMutableRawPointer {
    base + Self.rounded(members * Self.line) + step % slots * slotBytes
  }

  /// Waits until a step may be written.
  public func waitForRoom(_ step: Int) throws {
    try wait(for: patience.step, "read step \(step - slots)") { member in
      Int(self[.released, member]) + slots > step
    }
  }

  /// The step is written, as far as it is this member's.
  public func publish(_ step: Int) { set(.published, UInt64(step + 1)) }

  /// Waits until all have written a step.
  public func waitForAll(_ step: Int) throws {
    try wait(for: patience.step, "write step \(step)") { member in
      Int(self[.published, member]) > step
    }
  }

  /// This member needs the step no more.
  public func release(_ step: Int) { set(.released, UInt64(step + 1)) }

  /// What processes must have in common to share memory: the system, its memory file system, the
  /// numbers of processes, and the user. Nil where there is none.
  public static let neighbourhood: String? = {
    var memory = stat()
    var processes = stat()
    guard stat(folder, &memory) == 0, access(folder, W_OK) == 0,
      stat("/proc/self/ns/pid", &processes) == 0,
      let system = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
    else { return nil }
    let name = system.trimmingCharacters(in: .whitespacesAndNewlines)
    return "\(name)/\(memory.st_dev)/\(processes.st_ino)/\(getuid())"
  }()

  private subscript(_ field: Field, _ member: Int) -> UInt64 {
    espalier_load_acquire(number(field, member))
  }

  private func set(_ field: Field, _ value: UInt64) {
    espalier_store_release(number(field, place), value)
  }

  private func number(_ field: Field, _ member: Int) -> UnsafeMutablePointer<UInt64> {
    (base + member * Self.line).assumingMemoryBound(to: UInt64.self) + field.rawValue
  }

  /// Waits for every member.
  private func wait(
    for patience: Duration, _ deed: String, until isDone: (Int) -> Bool
  ) throws {
    for member in 0..<members {
      var naps = 0
      var start: ContinuousClock.Instant?
      while !isDone(member) {
        // Asked again after what it did last, lest that be overlooked.
        if self[.standing, member] == Standing.gone.rawValue, !isDone(member) {
          throw Broken("member \(member) left and did not \(deed)")
        }
        if naps % 64 == 63 {
          let process = pid_t(truncatingIfNeeded: self[.process, member])
          if process > 0, kill(process, 0) != 0, errno == ESRCH, !isDone(member) {
            throw Broken("member \(member) died and did not \(deed)")
          }
          let now = ContinuousClock.now
          if now - (start ?? now) > patience {
            throw Broken("member \(member) did not \(deed) in \(patience)")
          }
          start = start ?? now
        }
        naps += 1
        usleep(50)
      }
    }
  }

  /// Removes what processes of this user left that were killed before all members were there.
  private static func removeOrphans() {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    where name.hasPrefix(prefix) {
      let path = "\(folder)/\(name)"
      let descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
      guard descriptor >= 0 else { continue }
      var status = stat()
      // Just made, its maker may not have come to lock it.
      if fstat(descriptor, &status) == 0, time(nil) - status.st_mtim.tv_sec > 10,
        flock(descriptor, LOCK_EX | LOCK_NB) == 0
      {
        unlink(path)
      }
      close(descriptor)
    }
  }

  private static func reason(_ number: Int32) -> String { String(cString: strerror(number)) }

  private static func rounded(_ bytes: Int) -> Int { (bytes + page - 1) / page * page }
}
