import Digests
import Postgres

extension JobStore {
  static func enqueue(_ jobs: [JobSpecification], sweep: String) -> SQL {
    """
    with asked as (
      select distinct on (key) * from unnest(
        \(jobs.map(\.key.hex)), \(jobs.map(\.stage)), \(jobs.map(\.label)),
        \(jobs.map { String(decoding: $0.payload, as: UTF8.self) }), \(jobs.map(\.weight)),
        \(jobs.map(\.priority)), \(jobs.map(\.maxAttempts))
      ) with ordinality
        as t (key, stage, label, payload, weight, priority, max_attempts, position)
      order by key, position
    ), known as (
      select jobs.id, jobs.key, jobs.state from jobs join asked using (key)
    ), written as (
      insert into jobs (key, stage, label, payload, weight, priority, max_attempts)
      select key, stage, label, payload::json, weight, priority, max_attempts
      from asked order by position
      on conflict (key) do update
        set state = 'available', failures = 0, deaths = 0, failure = null, finished_at = null,
          worker = null, priority = excluded.priority, max_attempts = excluded.max_attempts
        where jobs.state in ('cancelled', 'discarded')
      returning id, key
    ), linked as (
      insert into sweep_jobs (sweep_id, job_id, position)
      select \(sweep), id, position + (
        select coalesce(max(position), 0) from sweep_jobs where sweep_id = \(sweep))
      from (select id, key from known union select id, key from written) jobs join asked using (key)
      on conflict do nothing
    )
    select (select count(*) from asked) - count(*) as new,
      count(*) filter (where state = 'completed') as reused,
      count(*) filter (where state in ('cancelled', 'discarded')) as revived,
      count(*) filter (where state in ('available', 'scheduled', 'running', 'retryable')) as shared
    from known
    """
  }

  static func record(_ job: JobSpecification, result: JobResult, sweep: String) -> SQL {
    """
    with written as (
      insert into jobs (key, stage, label, payload, weight, state, result, artifacts, finished_at)
      values (\(job.key.hex), \(job.stage), \(job.label), \(json: job.payload), \(job.weight),
        'completed', \(json: result.summary), \(result.artifacts.map(\.hex)), now())
      on conflict (key) do update
        set state = 'completed', result = excluded.result, artifacts = excluded.artifacts,
          finished_at = case when jobs.state = 'completed' then jobs.finished_at else now() end,
          lease_expires_at = null, scheduled_at = null, failure = null
      returning id
    )
    insert into sweep_jobs (sweep_id, job_id, position)
    select \(sweep), id, (select coalesce(max(position), 0) + 1 from sweep_jobs
      where sweep_id = \(sweep))
    from written on conflict do nothing
    """
  }

  static func available(limit: Int) -> SQL {
    """
    select id, key, stage, label, payload, weight, priority, max_attempts, deaths from jobs
    where state in ('available', 'scheduled', 'retryable')
      and (state = 'available' or scheduled_at <= now())
    order by priority desc, id limit \(limit)
    """
  }

  static func find(_ ids: [Int64]) -> SQL {
    """
    select id, key, stage, label, payload, weight, priority, max_attempts, deaths from jobs
    where id = any(\(ids))
    """
  }

  static func lease(_ assignments: [Assignment], seconds: Double) -> SQL {
    """
    update jobs set state = 'running', attempt = attempt + 1, worker = assigned.worker,
      lease_expires_at = now() + \(seconds) * interval '1 second', started_at = now(),
      scheduled_at = null
    from unnest(\(assignments.map(\.job)), \(assignments.map(\.worker))) as assigned (id, worker)
    where jobs.id = assigned.id and state in ('available', 'scheduled', 'retryable')
      and (state = 'available' or scheduled_at <= now())
    returning jobs.id, attempt
    """
  }

  static func extend(_ held: [HeldJob], seconds: Double) -> SQL {
    """
    update jobs set lease_expires_at = now() + \(seconds) * interval '1 second'
    from unnest(
      \(held.map(\.reference.id)), \(held.map(\.reference.attempt)), \(held.map(\.worker))
    ) as held (id, attempt, worker)
    where jobs.id = held.id and jobs.attempt = held.attempt and jobs.worker = held.worker
      and state = 'running'
    returning jobs.id, jobs.attempt
    """
  }

  static func complete(_ completions: [Completion]) -> SQL {
    """
    update jobs set state = 'completed', result = done.result::jsonb,
      artifacts = string_to_array(done.artifacts, ','), identity = nullif(done.identity, ''),
      finished_at = now(), lease_expires_at = null, failure = null
    from unnest(
      \(completions.map(\.reference.id)), \(completions.map(\.reference.attempt)),
      \(completions.map(\.worker)),
      \(completions.map { String(decoding: $0.result.summary, as: UTF8.self) }),
      \(completions.map { $0.result.artifacts.map(\.hex).joined(separator: ",") }),
      \(completions.map { $0.identity ?? "" })
    ) as done (id, attempt, worker, result, artifacts, identity)
    where jobs.id = done.id and jobs.attempt = done.attempt and jobs.worker = done.worker
      and state = 'running'
    returning jobs.id, jobs.attempt
    """
  }

  static func lifecycle(of reference: JobReference, worker: String) -> SQL {
    """
    select state, attempt, failures, deaths, max_attempts, max_deaths
    from jobs where \(held(reference, by: worker)) for update
    """
  }

  /// - Parameter delay: Seconds until the next attempt, if there is to be one.
  static func fail(
    _ reference: JobReference, to next: JobLifecycle, failure: JobFailure, delay: Double?
  ) -> SQL {
    """
    update jobs set state = \(next.state.rawValue), failures = \(next.failures),
      failure = jsonb_build_object('code', \(failure.code)::text, 'message', \(failure.message)::text),
      lease_expires_at = null,
      scheduled_at = case when \(next.state == .retryable)
        then now() + \(delay ?? 0) * interval '1 second' end,
      finished_at = case when \(next.state.isFinal) then now() end
    where id = \(reference.id)
    """
  }

  /// `JobLifecycle.workerLost` for every running job that meets a condition.
  static func lost(where condition: SQL) -> SQL {
    """
    update jobs set deaths = deaths + 1, lease_expires_at = null,
      state = case when deaths + 1 >= max_deaths then 'discarded' else 'available' end,
      finished_at = case when deaths + 1 >= max_deaths then now() end,
      failure = jsonb_build_object('code', 'jobs.worker_lost', 'message',
        'worker ' || worker || ' vanished during attempt ' || attempt)
    where state = 'running' and \(condition)
    """
  }

  static func cancel(sweep: String) -> SQL {
    """
    with unneeded as (
      select id, case when state = 'running' then worker end as held_by
      from jobs
      where state in ('available', 'scheduled', 'running', 'retryable')
        and exists (select from sweep_jobs where job_id = jobs.id and sweep_id = \(sweep))
        and not exists (
          select from sweep_jobs join sweeps on sweeps.id = sweep_id
          where job_id = jobs.id and sweep_id <> \(sweep) and sweeps.state = 'running')
      for update
    )
    update jobs set state = 'cancelled', finished_at = now(), lease_expires_at = null,
      scheduled_at = null
    from unneeded where jobs.id = unneeded.id
    returning jobs.id, attempt, held_by
    """
  }

  static func recompute(_ keys: [Digest]) -> SQL {
    """
    update jobs set state = 'available', failures = 0, deaths = 0, result = null,
      artifacts = null, identity = null, finished_at = null
    where state = 'completed' and key = any(\(keys.map(\.hex)))
    """
  }

  static func results(_ keys: [Digest]) -> SQL {
    """
    select key, result, artifacts from jobs
    where state = 'completed' and key = any(\(keys.map(\.hex)))
    """
  }

  static func completed(_ keys: [Digest]) -> SQL {
    "select key from jobs where state = 'completed' and key = any(\(keys.map(\.hex)))"
  }

  static func identities(sweep: String) -> SQL {
    """
    select stage, identity from sweep_jobs join jobs on jobs.id = job_id
    where sweep_id = \(sweep) and identity is not null
    group by stage, identity order by stage, identity
    """
  }

  static func attempts(sweep: String, stage: String) -> SQL {
    """
    select count(*) filter (where state = 'completed') as completed,
      coalesce(sum(attempt), 0) as attempts
    from sweep_jobs join jobs on jobs.id = job_id where sweep_id = \(sweep) and stage = \(stage)
    """
  }

  static func summary(sweep: String, label: String) -> SQL {
    """
    select result from sweep_jobs join jobs on jobs.id = job_id
    where sweep_id = \(sweep) and label = \(label) and state = 'completed'
    """
  }

  static func counts(sweep: String) -> SQL {
    """
    select stage, state, count(*) as jobs, sum(weight) as weight,
      coalesce(extract(epoch from sum(finished_at - started_at)
        filter (where state = 'completed')), 0) as seconds
    from sweep_jobs join jobs on jobs.id = job_id
    where sweep_id = \(sweep)
    group by stage, state order by min(position), state
    """
  }

  static func completed(sweep: String, stage: String) -> SQL {
    """
    select key, label, payload, attempt, worker, result, artifacts, started_at, finished_at,
      finished_at <= (select created_at from sweeps where id = \(sweep)) as reused
    from sweep_jobs join jobs on jobs.id = job_id
    where sweep_id = \(sweep) and stage = \(stage) and state = 'completed'
    order by position
    """
  }

  static func failures(sweep: String) -> SQL {
    """
    select id, key, stage, label, state, attempt, worker, failure ->> 'code' as code,
      failure ->> 'message' as message
    from sweep_jobs join jobs on jobs.id = job_id
    where sweep_id = \(sweep) and failure is not null
    order by position
    """
  }

  /// The fence: this attempt, still held by this worker.
  private static func held(_ reference: JobReference, by worker: String) -> SQL {
    """
    id = \(reference.id) and attempt = \(reference.attempt) and worker = \(worker)
      and state = 'running'
    """
  }
}
