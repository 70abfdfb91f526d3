import Foundation

extension Error {
  /// Why the system did not do what it was asked to, in its own few words: "No such file or
  /// directory". Foundation's, where it does not say.
  public var systemReason: String {
    guard let cause = (self as? CocoaError)?.underlying as? POSIXError else {
      return localizedDescription
    }
    return String(cString: strerror(cause.code.rawValue))
  }
}
