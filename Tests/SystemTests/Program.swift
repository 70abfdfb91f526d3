import Foundation

/// One of the programs under test, running; what it prints goes to files, because a pipe would stay
/// open with whatever the program leaves running.
final class Program {
  enum Name: String {
    case espalier
    case coordinator = "espalier-coordinator"
  }

  /// How a program ended and what it said.
  struct Ending {
    var status: Int32
    /// Ended by a signal: a crash, or our patience.
    var wasKilled: Bool
    var output: String
    var errors: String
  }

  /// `$ESPALIER_PROGRAMS`, or where the tests were built.
  static let folder =
    ProcessInfo.processInfo.environment["ESPALIER_PROGRAMS"].map { URL(filePath: $0) }
    ?? URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()

  private let process = Process()
  private let outputs: URL

  /// - Parameter folder: Where the program is, if not with the others.
  init(
    _ name: Name, _ arguments: [String], environment: [String: String] = [:],
    in folder: URL = Program.folder
  ) throws {
    outputs = FileManager.default.temporaryDirectory
      .appending(path: "espalier-output-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: outputs, withIntermediateDirectories: true)
    func file(_ name: String) throws -> FileHandle {
      let url = outputs.appending(path: name)
      try Data().write(to: url)
      return try FileHandle(forWritingTo: url)
    }
    process.executableURL = folder.appending(path: name.rawValue)
    process.arguments = arguments
    var all = ProcessInfo.processInfo.environment
    all["ESPALIER_DATABASE"] = nil
    process.environment = all.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try file("output")
    process.standardError = try file("errors")
    try process.run()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    try? FileManager.default.removeItem(at: outputs)
  }

  var isRunning: Bool { process.isRunning }

  func signal(_ number: Int32) { kill(process.processIdentifier, number) }

  /// Waits for the end; a program that hangs is killed, and that is its ending.
  func ending(within patience: Duration = .seconds(100)) async throws -> Ending {
    let deadline = ContinuousClock.now + patience
    while process.isRunning {
      if ContinuousClock.now > deadline { kill(process.processIdentifier, SIGKILL) }
      try await Task.sleep(for: .milliseconds(20))
    }
    return Ending(
      status: process.terminationStatus,
      wasKilled: process.terminationReason == .uncaughtSignal, output: try text("output"),
      errors: try text("errors"))
  }

  private func text(_ name: String) throws -> String {
    String(decoding: try Data(contentsOf: outputs.appending(path: name)), as: UTF8.self)
  }
}
