import Foundation
import Quantities

extension Data {
  /// Writes a file that the user asked for: whole, or not at all.
  ///
  /// - Throws: ``InputError`` where it cannot be written.
  func writeWhole(to path: String) throws {
    do {
      try write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw InputError("cannot write \(path): \(error.systemReason); check space and rights")
    }
  }
}
