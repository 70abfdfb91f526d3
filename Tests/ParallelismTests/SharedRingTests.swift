import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Parallelism

/// Members are threads here; that they may be processes, and die, is looked at in SystemTests.
@Suite("Memory that members fill and read together", .tags(.pure))
struct SharedRingTests {
  private static let hasty = SharedRing.Patience(arrival: .seconds(20), step: .seconds(20))

  /// What `body` gives for each member, on a thread of its own.
  private static func each<Value: Sendable>(
    of members: Int, _ body: @escaping @Sendable (Int) throws -> Value
  ) throws -> [Result<Value, any Error>] {
    try parallelMap(count: members, threads: members) { member in Result { try body(member) } }
  }

  @Test("everybody reads what everybody wrote, step by step", arguments: [(1, 1), (2, 2), (5, 3)])
  func steps(members: Int, slots: Int) throws {
    let name = UUID().uuidString
    let sums = try Self.each(of: members) { member in
      let ring = try SharedRing(
        name, place: member, of: members, slots: slots, slotBytes: 8 * members,
        patience: Self.hasty)
      var generator = SeededGenerator(seed: UInt64(member))
      var sum = 0
      for step in 0..<300 {
        try ring.waitForRoom(step)
        let numbers = ring.slot(step).assumingMemoryBound(to: Int.self)
        numbers[member] = step * (member + 1)
        if Int.random(in: 0..<8, using: &generator) == 0 { usleep(200) }
        ring.publish(step)
        try ring.waitForAll(step)
        for other in 0..<members where numbers[other] != step * (other + 1) { sum -= 1_000_000 }
        sum += step
        ring.release(step)
      }
      return sum
    }
    for sum in sums { #expect(try sum.get() == 300 * 299 / 2) }
    #expect(try Self.files(name).isEmpty, "it has no name any more")
  }

  @Test("who leaves ends the ring, and what was published before is there still")
  func leaving() throws {
    let name = UUID().uuidString
    let ends = try Self.each(of: 3) { member in
      let ring = try SharedRing(
        name, place: member, of: 3, slots: 2, slotBytes: 64, patience: Self.hasty)
      for step in 0..<10 {
        if member == 1, step == 4 {
          ring.leave()
          return step
        }
        try ring.waitForRoom(step)
        ring.publish(step)
        do {
          try ring.waitForAll(step)
        } catch {
          ring.leave()
          throw error
        }
        ring.release(step)
      }
      return 10
    }
    #expect(try ends[1].get() == 4)
    for member in [0, 2] {
      let error = #expect(throws: SharedRing.Broken.self) { try ends[member].get() }
      #expect(error?.description.contains("left") == true, "\(error?.description ?? "")")
    }
  }

  @Test("members that do not come, come with another size or stand still are not waited for")
  func patience() throws {
    let name = UUID().uuidString
    let short = SharedRing.Patience(arrival: .milliseconds(80), step: .milliseconds(80))
    var error = #expect(throws: SharedRing.Broken.self) {
      try SharedRing(name, place: 0, of: 2, slots: 1, slotBytes: 8, patience: short)
    }
    #expect(error?.description.contains("did not arrive") == true)
    #expect(try Self.files(name).isEmpty)

    let sizes = try Self.each(of: 2) { member in
      _ = try SharedRing(
        "\(name)-size", place: member, of: 2, slots: member + 1, slotBytes: 8, patience: Self.hasty)
    }
    for size in sizes { #expect(throws: SharedRing.Broken.self) { try size.get() } }

    let still = try Self.each(of: 2) { member in
      let ring = try SharedRing(
        "\(name)-still", place: member, of: 2, slots: 1, slotBytes: 8,
        patience: .init(arrival: .seconds(20), step: .milliseconds(100)))
      try ring.waitForRoom(0)
      if member == 1 { return Thread.sleep(forTimeInterval: 1) }
      ring.publish(0)
      try ring.waitForAll(0)
    }
    error = #expect(throws: SharedRing.Broken.self) { try still[0].get() }
    #expect(error?.description.contains("did not write step 0") == true)
    #expect(throws: Never.self) { try still[1].get() }
  }

  @Test("names lead nowhere else, and more memory than there is gives an error")
  func refusals() {
    for name in ["../x", "a/b", "", "é"] where !name.isEmpty {
      #expect(throws: SharedRing.Broken.self) {
        try SharedRing(name, place: 0, of: 1, slots: 1, slotBytes: 8)
      }
    }
    #expect(throws: SharedRing.Broken.self) {
      try SharedRing(UUID().uuidString, place: 0, of: 1, slots: 1, slotBytes: 1 << 50)
    }
    #expect(SharedRing.neighbourhood?.isEmpty == false)
  }

  @Test("what a killed process left is removed, what somebody holds is not")
  func orphans() throws {
    let name = UUID().uuidString
    let path = "/dev/shm/espalier-\(getuid())-\(name)"
    let held = path + "-held"
    let old = [FileAttributeKey.modificationDate: Date(timeIntervalSinceNow: -60)]
    for path in [path, held] {
      #expect(FileManager.default.createFile(atPath: path, contents: nil))
      try FileManager.default.setAttributes(old, ofItemAtPath: path)
    }
    let descriptor = open(held, O_RDWR)
    flock(descriptor, LOCK_SH)
    _ = try SharedRing("\(name)-next", place: 0, of: 1, slots: 1, slotBytes: 8)
    #expect(try Self.files(name) == [URL(filePath: held).lastPathComponent])
    close(descriptor)
    try FileManager.default.removeItem(atPath: held)
  }

  private static func files(_ name: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "/dev/shm").filter { $0.contains(name) }
  }
}
