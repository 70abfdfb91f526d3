import Foundation

/// Where a private cluster's files are, and whose they are.
///
/// Normally all lie in the folder that the cluster is named by. As root the server's user may not
/// get there (`/root` is closed to it); then they lie in `/var/lib/espalier`, and the file `location`
/// in the folder says where. A Unix socket's path has at most 107 bytes; where that does not do, the
/// socket lies in a short folder of `/tmp`.
struct ClusterPlacement: Sendable {
  var account: ServerAccount
  /// Holds the data folder and the log; the server's user owns it.
  var home: String

  var data: String { "\(home)/data" }
  var log: String { "\(home)/server.log" }
  /// A name that the server carries on its command line, by which its process is recognised.
  var mark: String { "espalier-\(Self.hash(home))" }

  var sockets: String {
    let beside = "\(home)/sockets"
    let fits = "\(beside)/.s.PGSQL.5432".utf8.count <= 107
    return fits ? beside : "/tmp/espalier-\(account.userID)-\(Self.hash(home))"
  }

  /// The major version of the data folder, or nil if there is none yet.
  var dataVersion: Int? {
    (try? String(contentsOfFile: "\(data)/PG_VERSION", encoding: .utf8))
      .flatMap { Int($0.trimmingWhitespace()) }
  }

  /// The placement of an existing cluster; nil if nothing was ever placed.
  static func existing(in folder: String) throws(PostgresError) -> ClusterPlacement? {
    guard FileManager.default.fileExists(atPath: folder) else { return nil }
    let account = try ServerAccount.current()
    let elsewhere = try? String(contentsOfFile: "\(folder)/location", encoding: .utf8)
    let home = elsewhere?.trimmingWhitespace() ?? folder
    let placement = ClusterPlacement(account: account, home: home)
    return FileManager.default.fileExists(atPath: placement.data) ? placement : nil
  }

  /// Makes the folders of a new cluster.
  static func make(in folder: String) async throws -> ClusterPlacement {
    let account = try ServerAccount.current()
    if account.prefix.isEmpty { return ClusterPlacement(account: account, home: folder) }
    try account.makePrivateFolder(folder)
    let check = try await account.command(["/usr/bin/test", "-w", folder], in: "/").run()
    if check.succeeded { return ClusterPlacement(account: account, home: folder) }

    // A new name every time: who removed the state folder wants none of its old contents.
    let home =
      "/var/lib/espalier/\(hash(folder))-\(String(UInt32.random(in: 0 ... .max), radix: 36))"
    let parent = "/var/lib/espalier"
    guard mkdir(parent, 0o755) == 0 || errno == EEXIST else {
      throw PostgresError.fromErrno("cannot make \(parent) for the database of \(folder)")
    }
    try account.makePrivateFolder(home)
    try Data((home + "\n").utf8).write(to: URL(filePath: "\(folder)/location"), options: .atomic)
    return ClusterPlacement(account: account, home: home)
  }

  /// FNV-1a: names folders shortly and always alike; nothing depends on it being hard to invert.
  static func hash(_ path: String) -> String {
    let hash = path.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01b3
    }
    return String(hash, radix: 36)
  }
}
