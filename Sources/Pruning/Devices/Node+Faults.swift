import Quantities
import Yams

extension Node {
  /// A value as messages show it.
  var shown: String {
    switch self {
    case .scalar(let scalar): scalar.string.isEmpty ? "empty" : "'\(scalar.string)'"
    case .mapping: "a block of keys"
    case .sequence: "a list"
    case .alias: "an alias"
    }
  }
}

extension Node.Mapping {
  /// A fault for every key that is not known, with the one that may have been meant.
  ///
  /// - Parameter place: What has the keys, such as "a device".
  func unknownKeys(besides known: [String], of place: String) -> [DeviceCatalogueError.Fault] {
    compactMap { key, _ in
      let name = key.scalar?.string
      if let name, known.contains(name) { return nil }
      return .init(
        line: key.mark?.line ?? 0,
        message: "\(key.shown) is no key of \(place); \(advice(on: name, known: known))")
    }
  }
}
