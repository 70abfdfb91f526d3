import Foundation
import Testing

/// Where tests find files.
public enum Fixtures {
  /// The repository's root.
  public static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// Models, data and peers shared by developers, beside the repository; absent elsewhere.
  public static let shared = root.deletingLastPathComponent().appending(path: "shared")

  /// A file of `Tests/<module>Tests/Fixtures`.
  public static func url(_ name: String, module: String) -> URL {
    root.appending(path: "Tests/\(module)Tests/Fixtures/\(name)")
  }
}

extension Trait where Self == ConditionTrait {
  /// Runs where the developers' models and data lie beside the repository, and says so elsewhere.
  public static var requiresSharedData: Self {
    .enabled(
      if: FileManager.default.fileExists(atPath: Fixtures.shared.path),
      "needs the models and data in \(Fixtures.shared.path)")
  }
}
