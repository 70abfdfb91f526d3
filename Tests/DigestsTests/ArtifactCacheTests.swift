import Digests
import Foundation
import TestSupport
import Testing

@Suite("Artifact cache", .tags(.pure))
struct ArtifactCacheTests {
  @Test("the least recently used go first, and the limit holds")
  func eviction() {
    let cache = ArtifactCache(capacity: 10)
    let contents = (0..<3).map { Data(repeating: UInt8($0), count: 4) }
    let digests = contents.map { Digest(of: $0) }
    cache.insert(contents[0], for: digests[0])
    cache.insert(contents[1], for: digests[1])
    #expect(cache[digests[0]] == contents[0])
    cache.insert(contents[2], for: digests[2])
    #expect(cache[digests[1]] == nil)
    #expect(cache[digests[0]] == contents[0])
    #expect(cache.byteCount == 8)
    cache.insert(contents[2], for: digests[2])
    #expect(cache.byteCount == 8)
  }

  @Test("what is larger than the cache is not kept, and displaces nothing")
  func tooLarge() {
    let cache = ArtifactCache(capacity: 10)
    let small = Data([1])
    cache.insert(small, for: Digest(of: small))
    let large = Data(count: 11)
    cache.insert(large, for: Digest(of: large))
    #expect(cache[Digest(of: large)] == nil)
    #expect(cache[Digest(of: small)] == small)
  }
}
