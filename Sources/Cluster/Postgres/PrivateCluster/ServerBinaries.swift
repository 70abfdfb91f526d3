import Foundation

/// A folder with `initdb`, `postgres` and `pg_ctl` of one version.
struct ServerBinaries: Sendable {
  var folder: String
  /// 15 of PostgreSQL 15.4.
  var majorVersion: Int

  func path(_ program: String) -> String { "\(folder)/\(program)" }

  /// The newest installed version, or the one that made a data folder: no other can read it.
  ///
  /// Looks in `$ESPALIER_PG_BIN` if that is set, else in Debian's folders and in `$PATH`.
  ///
  /// - Parameter version: The major version that made the data folder, if there is one.
  /// - Throws: ``PostgresError`` `binariesMissing` that names the Debian package.
  static func find(
    madeBy version: Int?, environment: [String: String] = ProcessInfo.processInfo.environment
  ) async throws -> ServerBinaries {
    let candidates = candidates(environment)
    var found: [ServerBinaries] = []
    for folder in candidates where isComplete(folder) {
      guard let major = try await majorVersion(of: folder), major >= 13 else { continue }
      if version == nil || version == major {
        found.append(ServerBinaries(folder: folder, majorVersion: major))
      }
    }
    // max(by:) keeps the last of equals; the first place looked at should win.
    if let newest = found.reversed().max(by: { $0.majorVersion < $1.majorVersion }) {
      return newest
    }
    let places = candidates.isEmpty ? "/usr/lib/postgresql" : candidates.joined(separator: ", ")
    if let version {
      throw PostgresError(
        .binariesMissing,
        "the database was made by PostgreSQL \(version), whose programs are not in \(places); "
          + "install the package postgresql-\(version) (apt-get install postgresql-\(version)) "
          + "or name their folder in ESPALIER_PG_BIN")
    }
    throw PostgresError(
      .binariesMissing,
      "no initdb, postgres and pg_ctl of PostgreSQL 13 or newer in \(places); install the package "
        + "postgresql (apt-get install postgresql), name their folder in ESPALIER_PG_BIN, or use "
        + "a database of yours with --database postgres://…")
  }

  private static func candidates(_ environment: [String: String]) -> [String] {
    if let named = environment["ESPALIER_PG_BIN"], !named.isEmpty { return [named] }
    let debian = "/usr/lib/postgresql"
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: debian)) ?? []
    let path = environment["PATH"]?.split(separator: ":").map(String.init) ?? []
    return versions.sorted().map { "\(debian)/\($0)/bin" } + path
  }

  private static func isComplete(_ folder: String) -> Bool {
    ["initdb", "postgres", "pg_ctl"].allSatisfy {
      FileManager.default.isExecutableFile(atPath: "\(folder)/\($0)")
    }
  }

  /// Asks the program itself: "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)".
  private static func majorVersion(of folder: String) async throws -> Int? {
    let outcome = try await Command(arguments: ["\(folder)/postgres", "--version"], folder: "/")
      .run()
    return outcome.output.split(separator: " ").dropFirst(2).first
      .flatMap { Int($0.prefix { $0.isNumber }) }
  }
}
