import Digests
import Foundation
import Quantities
import ZeroMQ

/// The folder a local cluster lives in: database, artifacts, sockets, logs.
public struct StateFolder: Sendable, Hashable {
  public let url: URL

  /// - Parameter path: Where; nil for `$XDG_STATE_HOME/espalier` or `~/.local/state/espalier`.
  public init(_ path: String?) {
    if let path {
      url = URL(filePath: path, directoryHint: .isDirectory).standardizedFileURL
      return
    }
    let environment = ProcessInfo.processInfo.environment
    let base =
      environment["XDG_STATE_HOME"].flatMap { $0.isEmpty ? nil : $0 }.map {
        URL(filePath: $0, directoryHint: .isDirectory)
      }
      ?? FileManager.default.homeDirectoryForCurrentUser.appending(path: ".local/state")
    url = base.appending(path: "espalier", directoryHint: .isDirectory).standardizedFileURL
  }

  public var path: String { url.path(percentEncoded: false).trimmingSuffix("/") }
  public var database: URL { url.appending(path: "postgres") }
  public var artifacts: URL { url.appending(path: "artifacts") }
  public var logs: URL { url.appending(path: "logs") }
  /// Held by the running coordinator.
  public var lock: URL { url.appending(path: "coordinator.lock") }

  /// Where workers and the command line find the coordinator.
  ///
  /// A Unix socket's path has at most 107 bytes; a deep state folder gets a short one in a private
  /// folder under /tmp instead, named after the state folder.
  public func endpoint() throws -> Endpoint {
    let inside = url.appending(path: "coordinator.sock").path(percentEncoded: false)
    if inside.utf8.count <= Endpoint.longestPath { return try .ipc(path: inside) }
    let folder = URL(filePath: "/tmp/espalier-\(getuid())-\(Digest(of: Data(path.utf8)).short)")
    try Self.makePrivate(folder)
    return try .ipc(path: folder.appending(path: "coordinator.sock").path(percentEncoded: false))
  }

  /// Makes the folder and those in it.
  ///
  /// - Throws: ``StateError`` with `unusable`, naming the folder and the system's reason.
  public func make() throws {
    for folder in [url, artifacts, logs] { try Self.makePrivate(folder) }
  }

  private static func makePrivate(_ folder: URL) throws {
    do {
      try FileManager.default.createDirectory(
        at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
    } catch {
      throw StateError(
        .unusable,
        "cannot make the state folder \(folder.path): \(error.systemReason); choose another with --state"
      )
    }
  }
}

extension String {
  fileprivate func trimmingSuffix(_ suffix: String) -> String {
    hasSuffix(suffix) && count > suffix.count ? String(dropLast(suffix.count)) : self
  }
}

/// A state folder that cannot be used.
public struct StateError: Error, Sendable, CustomStringConvertible {
  public enum Code: Sendable {
    case unusable
    /// Another coordinator runs on it.
    case inUse
  }

  public let code: Code
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}

/// The lock that makes a coordinator the only one of its state folder; released when it dies.
public final class StateLock: Sendable {
  private let descriptor: Int32

  /// - Throws: ``StateError`` with `inUse`, naming the process that holds it.
  public init(_ folder: StateFolder) throws {
    let path = folder.lock.path(percentEncoded: false)
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw StateError(.unusable, "cannot open \(path): \(String(cString: strerror(errno)))")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let holder = Self.holder(of: folder).map { "process \($0)" } ?? "another process"
      close(descriptor)
      throw StateError(
        .inUse,
        "the state folder \(folder.path) is in use by \(holder): use it, stop it with `espalier down`, or choose another folder with --state"
      )
    }
    ftruncate(descriptor, 0)
    let text = "\(getpid())\n"
    _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
  }

  deinit { close(descriptor) }

  /// The process that runs the folder's coordinator; nil if none does.
  public static func holder(of folder: StateFolder) -> Int32? {
    let path = folder.lock.path(percentEncoded: false)
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return nil }
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    return Int32(text.trimmingCharacters(in: .whitespacesAndNewlines))
  }
}
