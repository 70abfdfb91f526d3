import Foundation

/// Runs a program to its end and keeps what it printed.
struct Command: Sendable {
  var arguments: [String]
  var environment: [String: String] = [:]
  var folder: String

  struct Outcome: Sendable {
    var status: Int32
    var output: String
    var succeeded: Bool { status == 0 }
  }

  /// - Throws: ``PostgresError`` `clusterFailed` if the program cannot be started at all.
  func run() async throws -> Outcome {
    try await withCheckedThrowingContinuation { continuation in
      // Waiting blocks: not on the cooperative pool.
      DispatchQueue.global().async { continuation.resume(with: Result { try runBlocking() }) }
    }
  }

  private func runBlocking() throws -> Outcome {
    let process = Process()
    process.executableURL = URL(filePath: arguments[0])
    process.arguments = Array(arguments.dropFirst())
    process.environment = environment
    process.currentDirectoryURL = URL(filePath: folder)
    process.standardInput = FileHandle.nullDevice
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    do {
      try process.run()
    } catch {
      throw PostgresError(
        .clusterFailed, "cannot run \(arguments[0]) in \(folder)", cause: "\(error)")
    }
    let output = (try? pipe.fileHandleForReading.readToEnd()) ?? Data()
    process.waitUntilExit()
    return Outcome(
      status: process.terminationStatus,
      output: String(decoding: output, as: UTF8.self).trimmingWhitespace())
  }
}
