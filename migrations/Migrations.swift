/// The schema's migrations, in order; each SQL file is immutable once landed.
public enum Migrations {
  /// Name and SQL text of every migration, oldest first.
  ///
  /// The package manager writes an underscore for the first digit of a file's name.
  public static let all: [(name: String, sql: String)] = [
    ("0001_initial", String(decoding: PackageResources._001_initial_sql, as: UTF8.self)),
    ("0002_evaluation", String(decoding: PackageResources._002_evaluation_sql, as: UTF8.self)),
    ("0003_identity", String(decoding: PackageResources._003_identity_sql, as: UTF8.self)),
    ("0004_evidence", String(decoding: PackageResources._004_evidence_sql, as: UTF8.self)),
    ("0005_latency", String(decoding: PackageResources._005_latency_sql, as: UTF8.self)),
    ("0006_order", String(decoding: PackageResources._006_order_sql, as: UTF8.self)),
    ("0007_fit", String(decoding: PackageResources._007_fit_sql, as: UTF8.self)),
  ]
}
