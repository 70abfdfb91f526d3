import Digests
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Pipeline

@Suite("ByteCache and Bundle", .tags(.pure))
struct ByteCacheTests {
  /// Asks for values and remembers which had to be made.
  private final class Maker: Sendable {
    let cache: ByteCache
    private let list = Mutex<[String]>([])

    init(limit: Int) { cache = ByteCache(limit: limit) }

    func ask(_ key: String, bytes: Int) async throws {
      let value = try await cache.value(for: key) {
        list.withLock { $0.append(key) }
        return (key, bytes)
      }
      #expect(value == key)
    }

    func made() -> [String] {
      list.withLock { made in
        defer { made = [] }
        return made
      }
    }
  }

  @Test("a value asked for as an optional is made, too")
  func optional() async throws {
    let cache = ByteCache(limit: 30)
    func value() async throws -> Int? { try await cache.value(for: "a") { (7, 1) } }
    #expect(try await value() == 7)
    #expect(try await value() == 7)
  }

  @Test("what fits is made once; the least recently used goes first")
  func order() async throws {
    let maker = Maker(limit: 30)
    for key in ["a", "b", "c", "a", "b", "c"] { try await maker.ask(key, bytes: 10) }
    #expect(maker.made() == ["a", "b", "c"])
    try await maker.ask("a", bytes: 10)
    try await maker.ask("d", bytes: 10)
    for key in ["a", "c", "d"] { try await maker.ask(key, bytes: 10) }
    #expect(maker.made() == ["d"], "b was used longest ago")
    try await maker.ask("b", bytes: 10)
    try await maker.ask("a", bytes: 10)
    #expect(maker.made() == ["b", "a"])
  }

  @Test("one large value takes the place of several, and one too large displaces nothing")
  func limits() async throws {
    let maker = Maker(limit: 30)
    for key in ["a", "b", "c"] { try await maker.ask(key, bytes: 10) }
    try await maker.ask("huge", bytes: 31)
    for key in ["a", "b", "c"] { try await maker.ask(key, bytes: 10) }
    #expect(maker.made() == ["a", "b", "c", "huge"])
    try await maker.ask("huge", bytes: 31)
    #expect(maker.made() == ["huge"])
    try await maker.ask("large", bytes: 20)
    try await maker.ask("c", bytes: 10)
    try await maker.ask("large", bytes: 20)
    #expect(maker.made() == ["large"])
    try await maker.ask("a", bytes: 10)
    #expect(maker.made() == ["a"])
  }

  @Test("a value that could not be made is asked for again")
  func failure() async throws {
    struct Fault: Error {}
    let cache = ByteCache(limit: 10)
    await #expect(throws: Fault.self) {
      let _: Int = try await cache.value(for: "a") { throw Fault() }
    }
    #expect(try await cache.value(for: "a") { (1, 1) } == 1)
    #expect(try await cache.value(for: "a") { (2, 1) } == 1)
  }

  @Test("bundles give their parts back, empty ones too")
  func bundle() throws {
    let parts = [Data([1, 2, 3]), Data(), Data(repeating: 9, count: 1000), Data()]
    let packed = Bundle.packed(parts)
    #expect(try Bundle.unpacked(packed, of: Digest(of: packed)) == parts)
    // A slice with other indices than 0… unpacks as well.
    #expect(
      try Bundle.unpacked((Data([7]) + packed).dropFirst(), of: Digest(of: packed)) == parts)
  }

  @Test("bytes that are no bundle are refused, wherever they are cut")
  func corrupt() throws {
    let packed = Bundle.packed([Data([1, 2, 3]), Data(repeating: 9, count: 20)])
    let digest = Digest(of: packed)
    // Cut behind the first part it is a whole bundle of one.
    for length in 0..<packed.count where length != 11 {
      let error = #expect(throws: PipelineError.self) {
        _ = try Bundle.unpacked(packed.prefix(length), of: digest)
      }
      #expect(error?.code == .corruptArtifact && error?.message.contains(digest.short) == true)
    }
    var huge = packed
    for index in 0..<8 { huge[index] = 0xFF }
    #expect(throws: PipelineError.self) { _ = try Bundle.unpacked(huge, of: digest) }
  }
}
