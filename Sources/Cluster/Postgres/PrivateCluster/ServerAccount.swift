import Foundation

/// The user the server runs as: PostgreSQL refuses to run as root, and so do we.
struct ServerAccount: Sendable {
  var userID: uid_t
  var groupID: gid_t
  /// The words before a command that make it run as this user; empty if this process already does.
  var prefix: [String]

  /// This process's user; as root, `postgres` or, without such a user, `nobody`.
  ///
  /// - Throws: ``PostgresError`` `clusterFailed` if root has no one to become.
  static func current() throws(PostgresError) -> ServerAccount {
    guard geteuid() == 0 else {
      return ServerAccount(userID: geteuid(), groupID: getegid(), prefix: [])
    }
    guard let user = lookUp("postgres") ?? lookUp("nobody") else {
      throw PostgresError(
        .clusterFailed,
        "PostgreSQL does not run as root, and there is neither a user 'postgres' nor 'nobody' to "
          + "run it as; add one, or start Espalier as an ordinary user")
    }
    let programs = ["/usr/bin/setpriv", "/bin/setpriv"]
    guard let setpriv = programs.first(where: FileManager.default.isExecutableFile(atPath:)) else {
      throw PostgresError(
        .clusterFailed,
        "PostgreSQL does not run as root, and setpriv is missing to run it as another user; "
          + "install the package util-linux, or start Espalier as an ordinary user")
    }
    return ServerAccount(
      userID: user.id, groupID: user.group,
      prefix: [setpriv, "--reuid=\(user.id)", "--regid=\(user.group)", "--clear-groups", "--"])
  }

  /// A command of this user's, with nothing of our environment: PG… variables would steer it.
  func command(
    _ arguments: [String], in folder: String, environment: [String: String] = [:]
  ) -> Command {
    let plain = ["PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"]
    return Command(
      arguments: prefix + arguments, environment: plain.merging(environment) { $1 }, folder: folder)
  }

  /// Makes a folder of this user's that no one else can enter; its parents must exist.
  ///
  /// An existing one is taken only if it is already so owned, because a name in /tmp can be taken by
  /// anyone.
  func makePrivateFolder(_ path: String) throws(PostgresError) {
    if mkdir(path, 0o700) == 0 {
      guard chown(path, userID, groupID) == 0 else {
        throw .fromErrno("cannot give the folder \(path) to user \(userID)")
      }
      return
    }
    guard errno == EEXIST else { throw .fromErrno("cannot make the folder \(path)") }
    var status = stat()
    guard lstat(path, &status) == 0 else { throw .fromErrno("cannot read the folder \(path)") }
    let isFolder = status.st_mode & S_IFMT == S_IFDIR
    guard isFolder, status.st_uid == userID || status.st_uid == geteuid() else {
      throw PostgresError(
        .clusterFailed,
        "\(path) is in use: it belongs to user \(status.st_uid); remove it or use another --state")
    }
    guard chmod(path, 0o700) == 0, chown(path, userID, groupID) == 0 else {
      throw .fromErrno("cannot make the folder \(path) private to user \(userID)")
    }
  }

  private static func lookUp(_ name: String) -> (id: uid_t, group: gid_t)? {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 16_384)
    guard getpwnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else {
      return nil
    }
    return (entry.pw_uid, entry.pw_gid)
  }
}

extension PostgresError {
  /// The operating system's words for what just failed.
  static func fromErrno(_ message: String) -> PostgresError {
    PostgresError(.clusterFailed, message, cause: String(cString: strerror(errno)))
  }
}
