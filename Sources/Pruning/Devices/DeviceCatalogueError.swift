/// Everything that is wrong with a device catalogue.
public struct DeviceCatalogueError: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Code: String, Sendable, Hashable {
    /// The file could not be read.
    case unreadable
    /// The file is not YAML.
    case malformed
    /// The YAML is no catalogue this version can use.
    case invalid
  }

  /// One fault, and what to do about it.
  public struct Fault: Sendable, Hashable {
    /// Counted from 1; 0 where the whole file is meant.
    public let line: Int
    public let message: String

    public init(line: Int, message: String) {
      self.line = line
      self.message = message
    }
  }

  public let code: Code
  /// The file's path, or whatever the text was parsed as.
  public let file: String
  /// At least one, in the order of lines.
  public let faults: [Fault]

  /// One line for each fault: "devices.yaml:12: …".
  public var message: String {
    faults.map { fault in
      fault.line == 0 ? "\(file): \(fault.message)" : "\(file):\(fault.line): \(fault.message)"
    }.joined(separator: "\n")
  }

  public var description: String { message }
}
