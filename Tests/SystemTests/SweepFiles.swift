import Foundation
import TestSupport

/// The files of `Examples/`, cut down to what a test has time for.
extension TestCluster {
  static let examples = Fixtures.root.appending(path: "Examples")
  static var model: String { examples.appending(path: "shapes-resnet.onnx").path }

  /// Three devices: nothing to remove, much to remove, and channels in fours.
  static let devices = """
    version: 1
    devices:
      - name: dense
        class: server
        budgets: {macs: 100%}
      - name: half
        class: phone
        budgets: {macs: 50%, model_bytes: 600kB}
        channel_multiple: 4
      - name: small
        class: watch
        budgets: {macs: 4M, parameters: 60%}

    """

  /// Writes a file into the cluster's folder.
  ///
  /// - Returns: Its path.
  @discardableResult
  func write(_ name: String, _ text: String) throws -> String {
    try write(name, Data(text.utf8))
  }

  @discardableResult
  func write(_ name: String, _ data: Data) throws -> String {
    let url = root.appending(path: name)
    try data.write(to: url)
    return url.path
  }

  /// A description of the example's images, or of others in its manner.
  func images(
    _ name: String, file: String, limit: Int, std: String = "[0.2145, 0.2142, 0.2135]",
    classes: Int = 10, format: String = "npz"
  ) throws -> String {
    try write(
      name,
      """
      format: \(format)
      path: \(file)
      classes: \(classes)
      normalise: {mean: [0.4995, 0.5002, 0.5009], std: \(std)}
      limit: \(limit)

      """)
  }

  func calibration(_ count: Int = 96) throws -> String {
    let file = Self.examples.appending(path: "shapes-calibration.npz").path
    return try images("calibration-\(count).yaml", file: file, limit: count)
  }

  func evaluation(_ count: Int = 128) throws -> String {
    let file = Self.examples.appending(path: "shapes-test.npz").path
    return try images("evaluation-\(count).yaml", file: file, limit: count)
  }

  /// The options that name a sweep's files.
  func sweep(
    calibration count: Int = 96, evaluation images: Int = 128, devices: String = devices,
    name: String = "test"
  ) throws -> [String] {
    [
      "--model", Self.model, "--calibration", try calibration(count), "--evaluation",
      try evaluation(images), "--devices", try write("devices.yaml", devices), "--name", name,
    ]
  }
}
