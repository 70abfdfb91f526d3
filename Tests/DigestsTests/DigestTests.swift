import Digests
import Foundation
import TestSupport
import Testing

@Suite("Digest", .tags(.pure))
struct DigestTests {
  @Test("known contents have the digests of FIPS 180-2")
  func knownValues() {
    #expect(
      Digest(of: Data("abc".utf8)).hex
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      Digest(of: Data()).hex
        == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  }

  @Test("lists of parts do not collide by shifting")
  func parts() {
    #expect(Digest(parts: ["ab", "c"]) != Digest(parts: ["a", "bc"]))
    #expect(Digest(parts: ["a", ""]) != Digest(parts: ["a"]))
  }

  @Test("digits make the digest they were written from, in the order of the digits")
  func digits() throws {
    let digests = (0..<50).map { Digest(of: Data([UInt8($0)])) }
    for digest in digests {
      #expect(Digest(hex: digest.hex) == digest)
      #expect(digest.hex.utf8.count == 64)
      #expect(digest.short == String(digest.hex.prefix(12)))
    }
    #expect(digests.sorted().map(\.hex) == digests.map(\.hex).sorted())
  }

  @Test("only 64 lowercase digits are a digest", arguments: ["", "ab", "AB", "../../etc/passwd"])
  func invalid(text: String) {
    #expect(Digest(hex: text) == nil)
    #expect(Digest(hex: String(repeating: "G", count: 64)) == nil)
    #expect(Digest(hex: String(repeating: "a", count: 63)) == nil)
    #expect(Digest(hex: String(repeating: "a", count: 65)) == nil)
  }
}
