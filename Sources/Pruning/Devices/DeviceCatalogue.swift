import Foundation
import Yams

/// Reads device catalogues.
///
///     version: 1
///     devices:
///       - name: pixel-8
///         class: phone
///         budgets: {macs: 60M, parameters: 400k, model_bytes: 1.5MB}
///         channel_multiple: 8       # default 1; or {convolution: 8, depthwise: 16, default: 1}
///         minimum_keep_ratio: 0.1   # default 0.1
///         weight_bits: 8            # default 32; what a budget of weight_bytes counts
///         widths: {conv1: keep, "layer1.*": {minimum: 8, maximum: 24}}
///         description: a phone      # for people, as is `source`
///
/// A budget is absolute or a share of the dense network: `macs: 50%`.
public enum DeviceCatalogue {
  /// The format this code reads.
  public static let version = 1

  /// The devices of a file, in its order.
  ///
  /// - Throws: ``DeviceCatalogueError`` with every fault there is, not only the first.
  public static func read(_ file: URL) throws(DeviceCatalogueError) -> [DeviceProfile] {
    let text = try text(of: file, kind: "device catalogue")
    return try parse(text, file: file.path, folder: file.deletingLastPathComponent())
  }

  /// The devices of a text, in its order.
  ///
  /// - Parameters:
  ///   - file: What messages call the text.
  ///   - folder: Where paths of latency tables begin; nil for the working directory.
  /// - Throws: ``DeviceCatalogueError`` with every fault there is, not only the first.
  public static func parse(
    _ text: String, file: String, folder: URL? = nil
  ) throws(DeviceCatalogueError) -> [DeviceProfile] {
    let root = try root(of: text, file: file)
    var reader = DeviceCatalogueReader(folder: folder)
    let devices = reader.devices(in: root)
    guard reader.faults.isEmpty else {
      let faults = reader.faults.sorted { $0.line < $1.line }
      throw DeviceCatalogueError(code: .invalid, file: file, faults: faults)
    }
    return devices
  }

  /// The text of a YAML file.
  static func text(of file: URL, kind: String) throws(DeviceCatalogueError) -> String {
    do {
      return try String(contentsOf: file, encoding: .utf8)
    } catch {
      let exists = FileManager.default.fileExists(atPath: file.path)
      let reason =
        exists
        ? "cannot be read as UTF-8 text; check its permissions and that it is text"
        : "does not exist; check the path of the \(kind)"
      throw DeviceCatalogueError(
        code: .unreadable, file: file.path, faults: [.init(line: 0, message: reason)])
    }
  }

  /// The nodes of a text.
  static func root(of text: String, file: String) throws(DeviceCatalogueError) -> Node? {
    do {
      return try Yams.compose(yaml: text)
    } catch {
      throw DeviceCatalogueError(code: .malformed, file: file, faults: [fault(of: error)])
    }
  }

  private static func fault(of error: any Error) -> DeviceCatalogueError.Fault {
    switch error as? YamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return .init(
        line: mark.line,
        message: "this is not YAML (\(problem)); check indentation, colons and brackets")
    case .duplicatedKeysInMapping(let keys, let context):
      let names = keys.map { "'\($0)'" }.joined(separator: ", ")
      return .init(
        line: context.mark.line,
        message: "the block that starts here has \(names) more than once; keep one of each")
    default:
      return .init(line: 0, message: "this is not YAML: \(error)")
    }
  }
}
