import Foundation
import Pipeline
import Processes

/// Commands of users, in `/bin/sh`, in the folder and environment of this process.
public struct ShellCommands: CommandRunner {
  public init() {}

  public func run(
    _ command: String, minutes: Double, while isWanted: () -> Bool
  ) throws -> CommandEnding {
    // A file and not a pipe: the command's end is its end, whoever else holds its output.
    guard let output = tmpfile() else {
      throw ProcessError(message: "cannot make a temporary file for a command's output")
    }
    defer { fclose(output) }
    var environment = ProcessInfo.processInfo.environment
    // It may hold a password.
    environment["ESPALIER_DATABASE"] = nil
    let process = try ChildProcess.spawn(
      ["/bin/sh", "-c", command], environment: environment, output: fileno(output),
      ownSession: true)
    let deadline = ContinuousClock.now + .seconds(60 * minutes)
    var hasTimedOut = false
    var status = process.poll()
    while status == nil {
      if ContinuousClock.now > deadline { hasTimedOut = true }
      if hasTimedOut || !isWanted() {
        // A session of its own is a group of its own: all that it started ends with it.
        kill(-process.processID, SIGKILL)
      }
      Thread.sleep(forTimeInterval: 0.05)
      status = process.poll()
    }
    return CommandEnding(
      status: status ?? -1, hasTimedOut: hasTimedOut, tail: Self.tail(of: fileno(output)))
  }

  /// The last twenty lines, of at most 4,000 bytes.
  private static func tail(of descriptor: Int32) -> String {
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
    let end = (try? handle.seekToEnd()) ?? 0
    try? handle.seek(toOffset: end - min(end, 4000))
    let text = String(decoding: (try? handle.readToEnd()) ?? Data(), as: UTF8.self)
    return text.split(separator: "\n").suffix(20).joined(separator: "\n")
  }
}
