/// An ONNX file that cannot be read, understood or written.
public struct ONNXError: Error, Sendable, CustomStringConvertible {
  public enum Code: Sendable {
    /// The file, or a file it refers to, cannot be read or written.
    case unreadable
    /// The bytes are not an ONNX model.
    case malformed
    /// The graph breaks ONNX's rules: dangling names, cycles, attributes that make no sense.
    case invalidGraph
    /// A tensor that is short, non-finite or does not fit its node.
    case invalidTensor
    /// A correct model that Espalier does not handle.
    case unsupported
  }

  public let code: Code
  /// File › place: what failed, and what to do.
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }

  /// The same error, told from further out: `place: message`.
  func prefixed(by place: String) -> ONNXError { ONNXError(code, "\(place): \(message)") }
}
