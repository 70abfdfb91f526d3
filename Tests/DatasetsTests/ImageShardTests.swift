import Datasets
import Digests
import Foundation
import Tensors
import TestSupport
import Testing

@Suite(.tags(.pure))
struct ImageShardTests {
  private func shard(labels: [Int]? = [1, 70_000, 0]) -> ImageShard {
    var generator = SeededGenerator(seed: 3)
    return ImageShard(
      shape: [2, 3, 4], pixels: (0..<72).map { _ in .random(in: 0...255, using: &generator) },
      labels: labels, mean: [0.1, 0.2], std: [0.3, 0.4])
  }

  @Test("a shard survives its encoding, with labels and without")
  func roundTrip() throws {
    #expect(try ImageShard(decoding: shard().encoded()) == shard())
    #expect(try ImageShard(decoding: shard(labels: nil).encoded()) == shard(labels: nil))
    // A slice of a larger buffer, as a message arrives.
    let slice = (Data([1, 2, 3]) + shard().encoded()).dropFirst(3)
    #expect(try ImageShard(decoding: slice) == shard())
  }

  @Test("parts of a shard are parts of its tensor")
  func parts() {
    let whole = shard()
    let part = whole.shard(1..<3)
    #expect(part.labels == [70_000, 0])
    #expect(part.tensor == whole.tensor(1..<3))
    #expect(part.tensor.shape == [2, 2, 3, 4])
    #expect(whole.tensor(2..<2).count == 0)
  }

  @Test("every cut and every changed byte is an error")
  func damaged() {
    let data = shard().encoded()
    for length in 0..<data.count {
      #expect(throws: DatasetError.self) { try ImageShard(decoding: data.prefix(length)) }
    }
    for index in data.indices {
      var changed = data
      changed[index] ^= 0x41
      #expect(throws: DatasetError.self) { try ImageShard(decoding: changed) }
    }
    #expect(throws: DatasetError.self) { try ImageShard(decoding: data + [0]) }
  }

  @Test(
    "impossible headers under a right digest are errors",
    arguments: [
      [0, 2, 3, 4, 1], [3, 0, 3, 4, 1], [3, 2, 3, 4, 2], [4, 2, 3, 4, 1], [3, 2, 3, 4, 0],
      [.max, 65536, 65536, 65536, 1], [3, .max, 3, 4, 1], [3, 2, .max, .max, 0],
    ] as [[UInt32]])
  func impossibleHeaders(numbers: [UInt32]) {
    var content = shard().encoded().dropLast(64)
    for (index, number) in numbers.enumerated() {
      withUnsafeBytes(of: number.littleEndian) {
        content.replaceSubrange(8 + 4 * index..<12 + 4 * index, with: $0)
      }
    }
    let data = content + Data(Digest(of: content).hex.utf8)
    #expect(throws: DatasetError.self) { try ImageShard(decoding: data) }
  }
}
