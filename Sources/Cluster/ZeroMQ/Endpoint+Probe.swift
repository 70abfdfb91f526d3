import Glibc

extension Endpoint {
  /// Whether a process listens on this Unix socket now; nil for other transports.
  ///
  /// libzmq removes whatever file it finds where it binds, the socket of a living process too:
  /// this is asked first. Also tells a command line at once that no coordinator runs.
  public var isAnswering: Bool? {
    guard transport == .ipc else { return nil }
    // Abstract sockets (`@name`) start with a zero byte and have no file.
    let path = Array(address.utf8)
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &name.sun_path) { room in
      room.copyBytes(from: path)
      if path.first == UInt8(ascii: "@") { room[0] = 0 }
    }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { _ = Glibc.close(descriptor) }
    let status = withUnsafePointer(to: name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, length)
      }
    }
    return status == 0
  }
}
