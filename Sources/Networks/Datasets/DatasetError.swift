/// Why a data set could not be read or does not fit.
public struct DatasetError: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Code: String, Sendable, Hashable {
    /// A file is missing or cannot be opened.
    case unreadable
    /// The YAML description is malformed or says something impossible.
    case description
    /// A data file is damaged or not of the format it should be.
    case format
    /// Arrays of a wrong type, shape or count.
    case shape
    /// Labels outside the classes.
    case labels
    /// An encoded shard that is damaged.
    case shard
  }

  public let code: Code
  /// What failed, on which file and line, and what to do.
  public let message: String

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
