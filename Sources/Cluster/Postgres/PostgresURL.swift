import CLibPQ
import Foundation

/// Where a database is and who asks: `postgres://user@host:port/name` or `host=… dbname=…`.
///
/// Printing one never shows the password; ``revealed`` does, for passing it to our own processes.
public struct PostgresURL: Sendable, Hashable, CustomStringConvertible {
  /// libpq's connection options by keyword.
  public private(set) var options: [String: String]

  /// - Throws: ``PostgresError`` `invalidURL` in libpq's words, without the text, which may hold
  ///   a password.
  public init(_ text: String) throws(PostgresError) {
    guard !text.isEmpty, !text.utf8.contains(0) else {
      throw PostgresError(.invalidURL, "the database URL is empty; write postgres://host/name")
    }
    var complaint: UnsafeMutablePointer<CChar>?
    defer { PQfreemem(complaint) }
    guard let parsed = PQconninfoParse(text, &complaint) else {
      throw PostgresError(
        .invalidURL, "the database URL cannot be read; write postgres://user@host:port/name",
        cause: complaint.map { Self.withoutQuotedParts(String(cString: $0)) })
    }
    defer { PQconninfoFree(parsed) }
    options = [:]
    var option = parsed
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val {
        options[String(cString: keyword)] = String(cString: value)
      }
      option += 1
    }
  }

  /// A database behind a Unix socket in `socketFolder`.
  public init(socketFolder: String, user: String, database: String) {
    options = ["host": socketFolder, "user": user, "dbname": database]
  }

  /// The same server, another database.
  public func database(_ name: String) -> PostgresURL {
    var copy = self
    copy.options["dbname"] = name
    return copy
  }

  /// The connection string with its secrets: for a child process's environment, never for a log.
  public var revealed: String { text(of: options) }

  public var description: String {
    text(of: options.mapValuesWithKeys { Self.secrets.contains($0) ? "<redacted>" : $1 })
  }

  private static let secrets: Set<String> = ["password", "sslpassword"]

  private func text(of options: [String: String]) -> String {
    options.sorted { $0.key < $1.key }.map { keyword, value in
      let escaped = value.replacingOccurrences(of: "\\", with: "\\\\")
        .replacingOccurrences(of: "'", with: "\\'")
      return "\(keyword)='\(escaped)'"
    }.joined(separator: " ")
  }

  /// libpq quotes the offending part of the text, which may be a password.
  private static func withoutQuotedParts(_ complaint: String) -> String {
    var parts = complaint.split(separator: "\"", omittingEmptySubsequences: false).map(String.init)
    for index in stride(from: 1, to: parts.count, by: 2) { parts[index] = "…" }
    return parts.joined(separator: "\"").trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

extension Dictionary {
  fileprivate func mapValuesWithKeys(_ transform: (Key, Value) -> Value) -> [Key: Value] {
    Dictionary(uniqueKeysWithValues: map { ($0.key, transform($0.key, $0.value)) })
  }
}
