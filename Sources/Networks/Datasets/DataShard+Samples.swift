import Digests
import Foundation

extension DataShard {
  /// By sample: the digest of its pixels or numbers as they are stored, whatever their normalisation
  /// and label.
  public var sampleDigests: [Digest] {
    (0..<count).map { index in
      Digest(parts: selecting([index]).inputs.map { $0.storedDigest.hex })
    }
  }

  /// All samples of some shards of one data set; nil for no shards.
  ///
  /// - Throws: ``DatasetError`` with `shape` where they hold different inputs.
  public static func joining(_ parts: [DataShard]) throws(DatasetError) -> DataShard? {
    var whole: DataShard?
    for part in parts { try whole.append(part, from: "a shard") }
    return whole
  }

  /// How many samples are also among those of `other`.
  public func samplesShared(with other: DataShard) -> Int {
    let known = Set(other.sampleDigests)
    return sampleDigests.count { known.contains($0) }
  }
}

extension InputColumn {
  fileprivate var storedDigest: Digest {
    switch storage {
    case .pixels(let pixels, _): Digest(of: Data(pixels))
    case .values(let values): values.withUnsafeBytes { Digest(of: Data($0)) }
    }
  }
}
