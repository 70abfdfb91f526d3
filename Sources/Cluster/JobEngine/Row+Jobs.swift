import Digests
import Postgres

extension Duration {
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }
}

extension Row {
  func digest(_ column: String) throws(PostgresError) -> Digest {
    let text = try value(column, as: String.self)
    guard let digest = Digest(hex: text) else { throw Self.invalid(text, in: column, "digest") }
    return digest
  }

  func digests(_ column: String) throws(PostgresError) -> [Digest] {
    let texts = try value(column, as: [String].self)
    return try texts.map { text throws(PostgresError) in
      guard let digest = Digest(hex: text) else { throw Self.invalid(text, in: column, "digest") }
      return digest
    }
  }

  func choice<Choice: RawRepresentable<String>>(
    _ column: String, as type: Choice.Type = Choice.self
  ) throws(PostgresError) -> Choice {
    let text = try value(column, as: String.self)
    guard let choice = Choice(rawValue: text) else {
      throw Self.invalid(text, in: column, "\(type)")
    }
    return choice
  }

  private static func invalid(_ text: String, in column: String, _ type: String) -> PostgresError {
    PostgresError(.decodingFailed, "column '\(column)' holds '\(text)', which is no \(type)")
  }
}

extension JobLifecycle {
  init(_ row: Row) throws(PostgresError) {
    self.init(
      state: try row.choice("state"), attempt: try row.value("attempt"),
      failures: try row.value("failures"), deaths: try row.value("deaths"),
      maxAttempts: try row.value("max_attempts"), maxDeaths: try row.value("max_deaths"))
  }
}

extension JobReference {
  init(_ row: Row) throws(PostgresError) {
    self.init(id: try row.value("id"), attempt: try row.value("attempt"))
  }
}

extension QueuedJob {
  init(_ row: Row) throws(PostgresError) {
    self.init(
      id: try row.value("id"),
      specification: JobSpecification(
        key: try row.digest("key"), stage: try row.value("stage"), label: try row.value("label"),
        payload: try row.value("payload"), weight: try row.value("weight"),
        priority: try row.value("priority"), maxAttempts: try row.value("max_attempts")),
      deaths: try row.value("deaths"))
  }
}

extension StageCount {
  init(_ row: Row) throws(PostgresError) {
    self.init(
      stage: try row.value("stage"), state: try row.choice("state"), jobs: try row.value("jobs"),
      weight: try row.value("weight"), seconds: try row.value("seconds"))
  }
}

extension FailedJob {
  init(_ row: Row) throws(PostgresError) {
    self.init(
      id: try row.value("id"), key: try row.digest("key"), stage: try row.value("stage"),
      label: try row.value("label"), state: try row.choice("state"),
      attempt: try row.value("attempt"), worker: try row.value("worker"),
      failure: JobFailure(code: try row.value("code"), message: try row.value("message")))
  }
}

extension CompletedJob {
  init(_ row: Row) throws(PostgresError) {
    self.init(
      key: try row.digest("key"), label: try row.value("label"), payload: try row.value("payload"),
      result: JobResult(
        summary: try row.value("result"), artifacts: try row.digests("artifacts")),
      worker: try row.value("worker"), attempt: try row.value("attempt"),
      startedAt: try row.value("started_at"), finishedAt: try row.value("finished_at"),
      isReused: try row.value("reused"))
  }
}
