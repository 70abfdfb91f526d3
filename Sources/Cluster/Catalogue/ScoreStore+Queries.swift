import Foundation
import Postgres

extension ScoreStore {
  static func insert(_ scores: Scores) -> SQL {
    """
    insert into scores (
      key, model_digest, data_digest, taps, tap_kind, estimator, samples,
      matrix, importance, digest, provenance)
    values (
      \(scores.key), \(scores.modelDigest), \(scores.dataDigest), \(scores.taps),
      \(scores.tapKind), \(scores.estimator), \(scores.samples),
      \(Scores.bytes(of: scores.matrix)), \(scores.importance), \(scores.digest),
      \(json: scores.provenance))
    on conflict (key) do nothing
    """
  }

  static func link(_ key: String, sweep: String) -> SQL {
    "update sweeps set scores_key = \(key) where id = \(sweep)"
  }

  static func select(key: String) -> SQL { "select * from scores where key = \(key)" }

  static func select(sweep: String) -> SQL {
    """
    select c.* from scores c join sweeps s on s.scores_key = c.key
    where \(VariantStore.sweepIs(sweep))
    """
  }

  static func scores(of row: Row) throws -> Scores {
    let taps: [String] = try row.value("taps")
    let matrix = Scores.matrix(of: try row.value("matrix"))
    let importance: [Double] = try row.value("importance")
    guard matrix.count == taps.count * taps.count, importance.count == taps.count else {
      throw CatalogueError(
        .corrupt, "scores of \(taps.count) taps have a matrix of \(matrix.count) values")
    }
    return Scores(
      key: try row.value("key"), modelDigest: try row.value("model_digest"),
      dataDigest: try row.value("data_digest"), taps: taps, tapKind: try row.value("tap_kind"),
      estimator: try row.value("estimator"), samples: try row.value("samples"), matrix: matrix,
      importance: importance, digest: try row.value("digest"),
      provenance: try row.value("provenance"))
  }
}
