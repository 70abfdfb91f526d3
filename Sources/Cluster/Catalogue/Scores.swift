import Foundation

/// The normalised HSIC of a model's taps on a data set, and the importances made of it.
public struct Scores: Sendable, Hashable {
  /// SHA-256 of everything the scores depend on.
  public var key: String
  public var modelDigest: String
  public var dataDigest: String
  /// The names of the L taps, in order.
  public var taps: [String]
  /// `groups`, `blocks` or `batchnorm`.
  public var tapKind: String
  public var estimator: String
  /// N: images.
  public var samples: Int
  /// L × L, row by row.
  public var matrix: [Double]
  /// L.
  public var importance: [Double]
  /// SHA-256 of the matrix's bytes: little-endian float64, row by row.
  public var digest: String
  /// Instruction set, versions and tile size, as JSON.
  public var provenance: Data

  public init(
    key: String, modelDigest: String, dataDigest: String, taps: [String], tapKind: String,
    estimator: String, samples: Int, matrix: [Double], importance: [Double], digest: String,
    provenance: Data = Data("{}".utf8)
  ) {
    precondition(
      matrix.count == taps.count * taps.count && importance.count == taps.count,
      "\(taps.count) taps with \(matrix.count) values and \(importance.count) importances")
    self.key = key
    self.modelDigest = modelDigest
    self.dataDigest = dataDigest
    self.taps = taps
    self.tapKind = tapKind
    self.estimator = estimator
    self.samples = samples
    self.matrix = matrix
    self.importance = importance
    self.digest = digest
    self.provenance = provenance
  }

  /// The matrix as the digest is made of it: little-endian float64, row by row.
  public static func bytes(of matrix: [Double]) -> Data {
    var data = Data(capacity: 8 * matrix.count)
    for value in matrix {
      withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    }
    return data
  }

  static func matrix(of bytes: Data) -> [Double] {
    let bytes = Array(bytes)
    return stride(from: 0, to: bytes.count - 7, by: 8).map { start in
      Double(bitPattern: bytes[start..<(start + 8)].reversed().reduce(0) { $0 << 8 | UInt64($1) })
    }
  }
}

extension Scores: Encodable {
  private enum CodingKeys: String, CodingKey { case taps, nhsic, importance, samples, digest }

  /// `{"taps": […], "nhsic": [[…]], "importance": […], "samples": N, "digest": "…"}`
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    let rows = taps.indices.map { Array(matrix[($0 * taps.count)..<(($0 + 1) * taps.count)]) }
    try container.encode(taps, forKey: .taps)
    try container.encode(rows, forKey: .nhsic)
    try container.encode(importance, forKey: .importance)
    try container.encode(samples, forKey: .samples)
    try container.encode(digest, forKey: .digest)
  }
}
