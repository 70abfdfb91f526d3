/// A question the catalogue cannot answer.
public struct CatalogueError: Error, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    case notFound = "catalogue.not_found"
    /// A prefix that several ids begin with.
    case ambiguous = "catalogue.ambiguous"
    /// An order or a set of objectives that names no suitable field.
    case invalidField = "catalogue.invalid_field"
    /// A stored value that is not what it should be.
    case corrupt = "catalogue.corrupt"
  }

  public let code: Code
  /// What failed, on what, and what to do.
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
