import Datasets
import Digests
import Foundation
import Tensors
import TestSupport
import Testing

@Suite(.tags(.pure))
struct DataShardTests {
  /// Two inputs: pixels of two channels, and five numbers.
  private func shard(labels: [Int]? = [1, 70_000, 0]) -> DataShard {
    var generator = SeededGenerator(seed: 3)
    let pixels = (0..<72).map { _ in UInt8.random(in: 0...255, using: &generator) }
    let values = (0..<15).map { _ in Float.random(in: -2...2, using: &generator) }
    return DataShard(
      inputs: [
        InputColumn(
          name: "image", shape: [2, 3, 4],
          storage: .pixels(pixels, Normalisation(mean: [0.1, 0.2], std: [0.3, 0.4]))),
        InputColumn(shape: [5], storage: .values(values)),
      ], labels: labels)
  }

  @Test("a shard survives its encoding, with labels and without")
  func roundTrip() throws {
    #expect(try DataShard(decoding: shard().encoded()) == shard())
    #expect(try DataShard(decoding: shard(labels: nil).encoded()) == shard(labels: nil))
    // A slice of a larger buffer, as a message arrives.
    let slice = (Data([1, 2, 3]) + shard().encoded()).dropFirst(3)
    #expect(try DataShard(decoding: slice) == shard())
  }

  @Test("inputs of any rank survive, and one number for each sample")
  func ranks() throws {
    for shape in [[], [1], [2, 1, 1, 1, 3]] {
      let values = (0..<2 * shape.reduce(1, *)).map { Float($0) / 7 }
      let shard = DataShard(
        inputs: [InputColumn(name: "é", shape: shape, storage: .values(values))], labels: nil)
      #expect(try DataShard(decoding: shard.encoded()) == shard)
      #expect(shard.tensors == [Tensor(shape: [2] + shape, elements: values)])
    }
  }

  @Test("pixels are normalised channel by channel, values are left alone")
  func tensors() throws {
    let whole = shard()
    let tensors = whole.tensors
    #expect(tensors.map(\.shape) == [[3, 2, 3, 4], [3, 5]])
    guard case .pixels(let pixels, let normalisation) = whole.inputs[0].storage,
      case .values(let values) = whole.inputs[1].storage
    else {
      Issue.record("the inputs changed their storage")
      return
    }
    let expected = pixels.enumerated().map { index, pixel in
      let channel = index / 12 % 2
      return Float(
        (Double(pixel) / 255 - normalisation.mean[channel]) / normalisation.std[channel])
    }
    #expect(tensors[0].elements == expected)
    #expect(tensors[1].elements == values)
  }

  @Test("parts of a shard are parts of its tensors")
  func parts() {
    let whole = shard()
    let part = whole.shard(1..<3)
    #expect(part.labels == [70_000, 0])
    #expect(part.tensors == whole.tensors(1..<3))
    #expect(part.tensors.map(\.shape) == [[2, 2, 3, 4], [2, 5]])
    #expect(whole.tensors(2..<2).map(\.count) == [0, 0])
    let turned = whole.selecting([2, 0])
    #expect(turned.tensors(1..<2) == whole.tensors(0..<1))
    #expect(turned.labels == [0, 1])
  }

  @Test("the digest tells names, shapes, numbers, normalisation and labels apart")
  func digests() {
    let normalisation = Normalisation(mean: [0], std: [1])
    func shard(
      _ name: String?, _ shape: [Int], _ storage: InputColumn.Storage, _ labels: [Int]? = nil
    ) -> DataShard {
      DataShard(
        inputs: [InputColumn(name: name, shape: shape, storage: storage)], labels: labels)
    }
    let all = [
      shard("a", [1, 4], .pixels([1, 2, 3, 4], normalisation)),
      shard("b", [1, 4], .pixels([1, 2, 3, 4], normalisation)),
      shard(nil, [1, 4], .pixels([1, 2, 3, 4], normalisation)),
      shard("a", [1, 2, 2], .pixels([1, 2, 3, 4], normalisation)),
      shard("a", [1, 2], .pixels([1, 2, 3, 4], normalisation)),
      shard("a", [1, 4], .pixels([1, 2, 3, 5], normalisation)),
      shard("a", [1, 4], .pixels([1, 2, 3, 4], Normalisation(mean: [0], std: [2]))),
      shard("a", [1, 4], .values([1, 2, 3, 4])),
      shard("a", [1, 4], .pixels([1, 2, 3, 4], normalisation), [0]),
      shard("a", [1, 4], .pixels([1, 2, 3, 4], normalisation), [1]),
    ]
    #expect(Set(all.map(\.digest)).count == all.count)
    #expect(Set(all.map { $0.encoded() }).count == all.count)
    #expect(all[0].digest == shard("a", [1, 4], .pixels([1, 2, 3, 4], normalisation)).digest)
  }

  @Test("every cut and every changed byte is an error")
  func damaged() {
    let data = shard().encoded()
    for length in 0..<data.count {
      #expect(throws: DatasetError.self) { try DataShard(decoding: data.prefix(length)) }
    }
    for index in data.indices {
      var changed = data
      changed[index] ^= 0x41
      #expect(throws: DatasetError.self) { try DataShard(decoding: changed) }
    }
    #expect(throws: DatasetError.self) { try DataShard(decoding: data + [0]) }
  }

  @Test("impossible numbers anywhere in the header, under a right digest, are errors or values")
  func impossibleHeaders() {
    let content = shard().encoded().dropLast(64)
    // 8 bytes of magic, then three counts, a name of 5, a rank and so on: every place is tried.
    for offset in 8..<120 {
      for number in [0, 1, 0x7FFF_FFFF, .max] as [UInt32] {
        var changed = content
        withUnsafeBytes(of: number.littleEndian) {
          changed.replaceSubrange(offset..<offset + 4, with: $0)
        }
        let data = changed + Data(Digest(of: changed).hex.utf8)
        // What it still says is possible, such as another mean, must be read as it is written.
        guard let read = try? DataShard(decoding: data) else { continue }
        #expect(read.encoded() == data)
      }
    }
  }

  @Test("sizes beyond memory are refused before anything is taken for them")
  func sizes() {
    for numbers in [
      [.max, 1, 0, 0, 3, .max, .max, .max, 1], [3, .max, 0, 0, 1, 5, 1], [1, 1, 0, .max],
      [1, 1, 0, 0, .max], [1, 1, 0, 0, 1, .max, 0, .max], [1, 1, 1, 0, 1, 1 << 30, 1],
    ] as [[UInt32]] {
      var content = Data("ESPSHRD2".utf8)
      for number in numbers {
        withUnsafeBytes(of: number.littleEndian) { content.append(contentsOf: $0) }
      }
      let data = content + Data(Digest(of: content).hex.utf8)
      #expect(throws: DatasetError.self) { try DataShard(decoding: data) }
    }
  }

  @Test("samples are the same by their pixels alone, whatever label and normalisation they have")
  func sharedSamples() {
    func shard(_ pixels: [UInt8], mean: Double, labels: [Int]?) -> DataShard {
      DataShard(
        inputs: [
          InputColumn(
            shape: [1, 1, 2], storage: .pixels(pixels, Normalisation(mean: [mean], std: [1])))
        ], labels: labels)
    }
    let known = shard([1, 2, 3, 4, 5, 6], mean: 0, labels: nil)
    #expect(
      shard([3, 4, 9, 9, 3, 4], mean: 0.5, labels: [0, 1, 2]).samplesShared(with: known) == 2)
    #expect(shard([4, 3, 6, 5], mean: 0, labels: nil).samplesShared(with: known) == 0)
    #expect(known.samplesShared(with: known) == 3)
    #expect(Set(known.sampleDigests).count == 3)
  }
}
