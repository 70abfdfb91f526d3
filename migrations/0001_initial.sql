-- The first schema. Immutable once landed: change it by adding 0002_….sql.
--
-- The coordinator is the only writer; the command line tool reads. Blobs (models, shards, Grams)
-- are files named by their SHA-256; the database holds their names. Times are the database's own.
-- CHECKs state the job machine (JobLifecycle.swift, beside which this file should be read) and the
-- ranges of units, so that a row which breaks them cannot be written by any program.

create domain digest as text
  constraint digest_is_sha256 check (value ~ '^[0-9a-f]{64}$');

create domain share as double precision
  constraint share_is_0_to_1 check (value >= 0 and value <= 1);

-- Files of the artifact store that the rows below may name.
create table artifacts (
  digest      digest      primary key,              -- SHA-256 of the content, and the file's name
  kind        text        not null,                 -- what it holds: model, grams, database, …
  bytes       bigint      not null check (bytes >= 0),
  created_at  timestamptz not null default now()
);

-- One job: a computation named by the digest of everything its result depends on.
create table jobs (
  -- what
  id               bigint generated always as identity primary key,
  key              digest      not null unique,     -- same key, same result: never computed twice
  stage            text        not null,            -- which function of the pipeline computes it
  label            text        not null,            -- for people: "ResNet-56 · tile (3, 7)"
  payload          jsonb       not null,            -- its inputs, small; large ones are artifacts
  weight           double precision not null        -- estimated work, for progress and ETA
                   check (weight >= 0 and weight < 'infinity'),

  -- where in the machine
  state            text        not null default 'available' check (state in
    ('available', 'scheduled', 'running', 'retryable', 'completed', 'cancelled', 'discarded')),
  priority         integer     not null default 0,  -- higher first, then older first
  attempt          integer     not null default 0 check (attempt >= 0),   -- leases so far: the fence
  failures         integer     not null default 0 check (failures >= 0),  -- since asked for (again)
  deaths           integer     not null default 0 check (deaths >= 0),    -- leases lost, the same
  max_attempts     integer     not null default 3 check (max_attempts between 1 and 100),
  max_deaths       integer     not null default 20 check (max_deaths between 1 and 1000),

  -- the lease
  worker           text,                            -- who holds it; afterwards, who held it last
  lease_expires_at timestamptz,

  -- times
  scheduled_at     timestamptz,                     -- not before
  created_at       timestamptz not null default now(),
  started_at       timestamptz,                     -- of the latest attempt
  finished_at      timestamptz,

  -- outcome
  result           jsonb,                           -- the summary of a completed job
  artifacts        text[],                          -- digests of what it made, in its own order
  failure          jsonb,                           -- {"code", "message"} of the latest failure

  constraint lease_iff_running      check ((state = 'running') = (lease_expires_at is not null)),
  constraint running_has_worker     check (state <> 'running' or worker is not null),
  constraint running_was_leased     check (state <> 'running' or (attempt > 0 and started_at is not null)),
  constraint time_iff_waiting       check ((state in ('scheduled', 'retryable')) = (scheduled_at is not null)),
  constraint finished_iff_final     check ((state in ('completed', 'cancelled', 'discarded')) = (finished_at is not null)),
  constraint result_iff_completed   check ((state = 'completed') = (result is not null)),
  constraint artifacts_iff_completed check ((state = 'completed') = (artifacts is not null)),
  constraint discarded_has_failure  check (state <> 'discarded' or failure is not null),
  constraint failure_has_words      check (failure is null or (failure ? 'code' and failure ? 'message')),
  constraint attempts_cover_losses  check (attempt >= failures + deaths)
);

-- JobStore.lease: what can be worked on, best first.
create index jobs_to_lease on jobs (priority desc, id)
  where state in ('available', 'scheduled', 'retryable');
-- JobStore.rescueExpired: leases that ran out.
create index jobs_lease_expiry on jobs (lease_expires_at) where state = 'running';
-- JobStore.release and extend: what a worker holds.
create index jobs_held_by_worker on jobs (worker) where state = 'running';

-- The nHSIC matrix and importances of a model's taps on a data set.
create table scores (
  key            digest       primary key,          -- of model, data, taps, estimator, samples, version
  -- of what
  model_digest   digest       not null,
  data_digest    digest       not null,
  taps           text[]       not null check (cardinality(taps) > 0),     -- L names, in order
  tap_kind       text         not null check (tap_kind in ('groups', 'blocks', 'batchnorm')),
  estimator      text         not null,
  samples        integer      not null check (samples > 0),               -- N images
  -- what
  matrix         bytea        not null,             -- L × L, row-major float64, little-endian
  importance     double precision[] not null,       -- L
  digest         digest       not null,             -- SHA-256 of matrix
  provenance     jsonb        not null,             -- instruction set, versions, tile size
  created_at     timestamptz  not null default now(),

  constraint matrix_is_square  check (octet_length(matrix) = 8 * cardinality(taps) * cardinality(taps)),
  constraint importance_per_tap check (cardinality(importance) = cardinality(taps))
);

-- What a user asked for: one model, one catalogue of devices, one recipe.
create table sweeps (
  id           text        primary key default substr(replace(gen_random_uuid()::text, '-', ''), 1, 12),
  name         text        not null check (name <> ''),
  -- A name belongs to the newest sweep that was given it; older ones are found by their id.
  superseded   boolean     not null default false,
  -- what
  definition   jsonb       not null,                -- model, data, devices, recipe: all of it
  key          digest      not null,                -- of the definition
  -- where
  state        text        not null default 'running'
               check (state in ('running', 'completed', 'failed', 'cancelled')),
  stage        text        not null default 'submitted',
  error        text,                                -- why it failed, for people
  created_at   timestamptz not null default now(),
  finished_at  timestamptz,
  -- outcome
  scores_key   digest      references scores (key),
  report       jsonb,

  constraint finished_iff_final check ((state <> 'running') = (finished_at is not null)),
  constraint error_iff_failed   check ((state = 'failed') = (error is not null))
);

-- SweepStore.find: the sweep that a name means.
create unique index sweeps_current_name on sweeps (name) where not superseded;
-- SweepStore.unfinished: what a coordinator resumes.
create index sweeps_running on sweeps (created_at) where state = 'running';

-- Which jobs a sweep needs; a job may serve several sweeps.
create table sweep_jobs (
  sweep_id  text    not null references sweeps (id) on delete cascade,
  job_id    bigint  not null references jobs (id),
  position  integer not null,                       -- order of asking within the sweep
  primary key (sweep_id, job_id)
);

-- JobStore.cancel: which other sweeps need a job.
create index sweep_jobs_by_job on sweep_jobs (job_id);

-- One pruned network for one device of one sweep, or the reason why there is none.
create table variants (
  id                    text        primary key default substr(replace(gen_random_uuid()::text, '-', ''), 1, 12),
  sweep_id              text        not null references sweeps (id) on delete cascade,
  device                text        not null,
  device_class          text        not null,
  status                text        not null check (status in ('ready', 'planned', 'infeasible', 'failed')),
  reason                text,                       -- why infeasible or failed
  -- cost, counted on the pruned network
  macs                  bigint      check (macs >= 0),
  parameters            bigint      check (parameters >= 0),
  model_bytes           bigint      check (model_bytes >= 0),
  peak_activation_bytes bigint      check (peak_activation_bytes >= 0),
  latency_seconds       double precision check (latency_seconds >= 0),
  -- quality, 0…1
  accuracy              share,                      -- as exported
  accuracy_before       share,                      -- after surgery, before reconstruction
  baseline_accuracy     share,                      -- of the dense network, same images
  images                integer     check (images > 0),     -- that the accuracies were counted on
  -- plan and its certificate
  objective             double precision,
  bound                 double precision,           -- no feasible plan is better than this
  gap                   double precision check (gap >= 0),  -- (bound − objective), relative
  widths                jsonb       check (jsonb_typeof(widths) = 'object'),   -- channels kept by group
  budgets               jsonb       check (jsonb_typeof(budgets) = 'object'),  -- {"macs": {"limit", "used"}}
  strategy              text,                       -- allocator, by name
  recipe                jsonb,                      -- everything that can be chosen, as chosen
  -- lineage
  digest                digest,                     -- SHA-256 of the exported model; an artifact
  model_digest          digest      not null,       -- of the dense network
  model_name            text        not null,
  created_at            timestamptz not null default now(),

  unique (sweep_id, device),
  constraint reason_iff_none check ((status in ('infeasible', 'failed')) = (reason is not null)),
  constraint plan_has_costs  check (status not in ('ready', 'planned') or
    (macs is not null and parameters is not null and model_bytes is not null and widths is not null)),
  constraint ready_has_model check (status <> 'ready' or digest is not null),
  constraint accuracy_of_images check (accuracy is null or images is not null)
);

-- Catalogue: the usual constraints, budgets first.
create index variants_ready_by_macs on variants (macs) where status = 'ready';

-- Worker processes, as last heard of.
create table workers (
  id            text        primary key,
  process_id    integer     not null check (process_id > 0),
  host          text        not null,
  identity      jsonb       not null,               -- instruction set, library versions, program version
  threads       integer     not null check (threads > 0),
  state         text        not null default 'connected' check (state in ('connected', 'gone')),
  connected_at  timestamptz not null default now(),
  last_seen_at  timestamptz not null default now()
);
