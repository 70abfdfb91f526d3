import Foundation
import Processes

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

  /// - Returns: Status 127 if there is no such program, as in a shell.
  /// - Throws: ``PostgresError`` `clusterFailed` if no process can be started.
  func run() async throws -> Outcome {
    try await withCheckedThrowingContinuation { continuation in
      // Waiting blocks: not on the cooperative pool.
      DispatchQueue.global().async { continuation.resume(with: Result { try runBlocking() }) }
    }
  }

  private func runBlocking() throws(PostgresError) -> Outcome {
    // A file and not a pipe: the end of output is the end of the program, whoever else holds it.
    guard let output = tmpfile() else { throw .fromErrno("cannot make a temporary file") }
    defer { fclose(output) }
    let inFolder = ["/bin/sh", "-c", #"cd "$0" && exec "$@""#, folder] + arguments
    do throws(ProcessError) {
      let process = try ChildProcess.spawn(
        inFolder, environment: environment, output: fileno(output))
      let status = try process.wait()
      return Outcome(status: status, output: Self.contents(of: fileno(output)))
    } catch {
      throw PostgresError(
        .clusterFailed, "cannot run \(arguments[0]) in \(folder)", cause: error.message)
    }
  }

  private static func contents(of descriptor: Int32) -> String {
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
    try? handle.seek(toOffset: 0)
    let bytes = (try? handle.readToEnd()) ?? Data()
    return String(decoding: bytes, as: UTF8.self).trimmingWhitespace()
  }
}
