import Digests
import Foundation
import Postgres

extension SweepStore {
  /// Two programs must not give one name at the same time; reading goes on.
  static let lockNames: SQL = "lock table sweeps in share row exclusive mode"

  static func current(_ name: String) -> SQL {
    "select * from sweeps where name = \(name) and not superseded"
  }

  static func insert(_ name: String, _ definition: Data, _ key: Digest) -> SQL {
    """
    insert into sweeps (name, definition, key)
    values (\(name), \(json: definition), \(key.hex)) returning *
    """
  }

  static func resume(_ id: String) -> SQL {
    """
    update sweeps set state = 'running', stage = 'submitted', error = null, finished_at = null
    where id = \(id) returning *
    """
  }

  static func supersede(_ id: String) -> SQL {
    "update sweeps set superseded = true where id = \(id)"
  }

  static func find(_ nameOrID: String) -> SQL {
    """
    select * from sweeps where id = \(nameOrID) or name = \(nameOrID) and not superseded
    order by id = \(nameOrID) desc limit 1
    """
  }

  static let list: SQL = "select * from sweeps order by created_at desc, id"

  static let unfinished: SQL =
    "select * from sweeps where state = 'running' order by created_at, id"

  static func setStage(_ stage: String, _ id: String) -> SQL {
    "update sweeps set stage = \(stage) where id = \(id) and state = 'running'"
  }

  static func setScores(_ key: Digest, _ id: String) -> SQL {
    "update sweeps set scores_key = \(key.hex) where id = \(id)"
  }

  static func finish(_ id: String, _ state: Sweep.State, report: Data?, error: String?) -> SQL {
    """
    update sweeps set state = \(state.rawValue), finished_at = now(), error = \(error),
      report = coalesce(\(json: report), report)
    where id = \(id) and state = 'running'
    """
  }
}
