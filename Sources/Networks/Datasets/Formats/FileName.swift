/// A name compared byte by byte, as file systems and Python do: to Swift's strings, two spellings of
/// an é are the same.
struct FileName: Hashable, Comparable, CustomStringConvertible {
  private let bytes: [UInt8]

  init(_ name: some StringProtocol) { bytes = Array(name.utf8) }

  var description: String { String(decoding: bytes, as: UTF8.self) }

  static func < (a: FileName, b: FileName) -> Bool {
    a.bytes.lexicographicallyPrecedes(b.bytes)
  }

  /// What stands in front of each of the separators of words in the name, the longest first.
  var beginnings: some Sequence<FileName> {
    bytes.indices.reversed().lazy
      .filter { Self.separators.contains(bytes[$0]) }
      .map { FileName(bytes: Array(bytes[..<$0])) }
  }

  private static let separators = Array("_-. ".utf8)

  private init(bytes: [UInt8]) { self.bytes = bytes }
}
