import Foundation

/// What a profile has measured so far, a line of JSON each: killed and started again, it goes on.
public final class ProfileJournal {
  /// What a profile must share with the one that it goes on with.
  public struct Header: Codable, Hashable, Sendable {
    public var model: String
    public var machine: [String]
    public var settings: ProfileSettings

    public init(model: String, machine: [String], settings: ProfileSettings) {
      self.model = model
      self.machine = machine
      self.settings = settings
    }
  }

  /// One run at some widths.
  public struct Entry: Codable, Hashable, Sendable {
    public var widths: [Int]
    /// By layer: median and spread, in nanoseconds while the reference takes ``reference``.
    public var times: [Int64]
    public var spreads: [Int64]
    /// The whole run, without looking on.
    public var run: Int64
    /// The dense network's time in turn with these, in nanoseconds.
    public var reference: Int64
  }

  public private(set) var entries: [Entry] = []
  private let handle: FileHandle?

  /// A journal in memory.
  public init() {
    handle = nil
  }

  /// Opens a journal, or begins one.
  ///
  /// - Throws: ``ProfileError`` where the file belongs to another profile.
  public init(_ file: URL, header: Header) throws {
    let encoded = try Self.encoded(header)
    let isThere = FileManager.default.fileExists(atPath: file.path)
    let lines = isThere ? try Data(contentsOf: file).split(separator: UInt8(ascii: "\n")) : []
    var valid = encoded
    if let first = lines.first {
      guard (try? JSONDecoder().decode(Header.self, from: first)) == header else {
        throw ProfileError(
          """
          \(file.path) is of another profile: another model, machine, library or other options; \
          remove it, or choose another output
          """)
      }
      // The last line may be cut off: what cannot be read is measured again.
      for line in lines.dropFirst() {
        guard let entry = try? JSONDecoder().decode(Entry.self, from: line) else { break }
        entries.append(entry)
        valid += try Self.encoded(entry)
      }
    }
    try valid.write(to: file, options: .atomic)
    handle = try FileHandle(forWritingTo: file)
    try handle?.seekToEnd()
  }

  deinit { try? handle?.close() }

  func add(_ entry: Entry) throws {
    entries.append(entry)
    try handle?.write(contentsOf: try Self.encoded(entry))
  }

  private static func encoded(_ value: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return try encoder.encode(value) + Data("\n".utf8)
  }
}

/// A profile that cannot be made.
public struct ProfileError: Error, Sendable, CustomStringConvertible {
  /// What failed, on what, and what to do.
  public let message: String

  public init(_ message: String) { self.message = message }

  public var description: String { message }
}
