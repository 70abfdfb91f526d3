import Foundation
import Postgres

extension WorkerStore {
  static func connected(
    _ id: String, _ processID: Int, _ host: String, _ identity: Data, _ threads: Int
  ) -> SQL {
    """
    insert into workers (id, process_id, host, identity, threads)
    values (\(id), \(processID), \(host), \(json: identity), \(threads))
    on conflict (id) do update set process_id = excluded.process_id, host = excluded.host,
      identity = excluded.identity, threads = excluded.threads, state = 'connected',
      connected_at = now(), last_seen_at = now()
    """
  }

  static func seen(_ ids: [String]) -> SQL {
    "update workers set last_seen_at = now() where id = any(\(ids))"
  }

  static func gone(_ id: String) -> SQL {
    "update workers set state = 'gone' where id = \(id)"
  }

  static let allGone: SQL = "update workers set state = 'gone' where state = 'connected'"

  static let list: SQL = """
    select * from workers where state = 'connected' or last_seen_at > now() - interval '1 day'
    order by state, connected_at, id
    """
}
