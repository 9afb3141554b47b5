-- The whole first schema: the fleet, the rules that hold a night back, upgrades and their journals, people, the audit
-- trail, the outbox. Ids are text with their kind as prefix; instants are timestamptz; ranges are half open.

-- ---------------------------------------------------------------------------------------------------------------- time
-- The one clock of decisions (semantics 5). The offset can exist only in a database that was created as a test database:
-- its name says so, and a trigger refuses the row anywhere else.
create table clock_offset (
  only_row boolean primary key default true check (only_row),
  skip interval not null
);
create function refuse_clock_offset() returns trigger language plpgsql as $$
begin
  if current_database() not like 'sitelift\_test\_%' then
    raise exception 'the clock can only be moved in a test database';
  end if;
  return new;
end $$;
create trigger clock_offset_only_in_tests before insert or update on clock_offset
  for each row execute function refuse_clock_offset();
create function app_now() returns timestamptz language sql stable as $$
  select clock_timestamp() + coalesce((select skip from public.clock_offset), interval '0')
$$;

-- --------------------------------------------------------------------------------------------------------------- fleet
create table customer (
  id text primary key check (id like 'cust\_%'),
  slug text not null unique,
  name text not null,
  contacts jsonb not null default '[]',
  managed_by text not null default 'file' check (managed_by in ('file', 'hand')),
  removed_at timestamptz,
  created_at timestamptz not null default app_now()
);
create table product (
  id text primary key check (id like 'prod\_%'),
  slug text not null unique,
  name text not null,
  playbook text not null,
  removed_at timestamptz
);
create table release (
  id text primary key check (id like 'rel\_%'),
  product_id text not null references product,
  version text not null,
  kind text not null,
  artefact jsonb not null,
  notes text,
  needs_downtime boolean not null default true,
  risky boolean not null default false,
  smoke_test text not null default 'not-run' check (smoke_test in ('passed', 'failed', 'not-run')),
  published_at timestamptz not null default app_now(),
  withdrawn_at timestamptz,
  withdrawn_by text,
  withdrawn_reason text,
  unique (product_id, version)
);
create table channel (
  name text primary key,
  rank integer not null unique
);
insert into channel (name, rank) values ('alpha', 4), ('beta', 3), ('release', 2), ('stable', 1);
-- Placements are history: a row is ended, never changed or removed.
create table placement (
  id text primary key check (id like 'plc\_%'),
  release_id text not null references release,
  channel text not null references channel,
  placed_at timestamptz not null default app_now(),
  placed_by text not null,
  reason text not null default '',
  ended_at timestamptz,
  ended_by text,
  end_reason text
);
create unique index placement_open on placement (release_id, channel) where ended_at is null;
create table instance (
  id text primary key check (id like 'inst\_%'),
  slug text not null unique,
  customer_id text not null references customer,
  product_id text not null references product,
  role text not null,
  url text not null,
  zone text not null,
  labels text[] not null default '{}',
  host text,
  settings jsonb not null default '{}',
  bindings jsonb not null default '{}',
  target jsonb not null,
  observed_version text,
  observed_healthy boolean,
  observed_problem text,
  observed_at timestamptz,
  observed_slot text,
  observed_open boolean,
  recorded_version text,
  managed_by text not null default 'file' check (managed_by in ('file', 'hand')),
  removed_at timestamptz,
  created_at timestamptz not null default app_now()
);
create index instance_customer on instance (customer_id);
create index instance_product on instance (product_id);
create table pin (
  id text primary key check (id like 'pin\_%'),
  instance_id text not null references instance,
  version text not null,
  owner text not null,
  reason text not null,
  set_at timestamptz not null default app_now(),
  until_at timestamptz,
  until_channel text references channel,
  managed_by text not null check (managed_by in ('file', 'hand')),
  ended_at timestamptz,
  ended_by text,
  end_reason text,
  check (until_at is null or until_channel is null)
);
create unique index pin_open on pin (instance_id) where ended_at is null;
create table change_freeze (
  id text primary key check (id like 'frz\_%'),
  key text not null unique,
  scope jsonb not null,
  from_at timestamptz not null,
  until_at timestamptz,
  reason text not null,
  owner text not null,
  managed_by text not null default 'file' check (managed_by in ('file', 'hand')),
  check (until_at is null or until_at > from_at)
);
create table maintenance_window (
  id text primary key check (id like 'win\_%'),
  key text not null unique,
  scope jsonb not null,
  days text[] not null,
  start text not null,
  zone text not null,
  length_ms bigint not null check (length_ms > 0),
  cut_off_ms bigint not null check (cut_off_ms >= 0),
  managed_by text not null default 'file' check (managed_by in ('file', 'hand'))
);
-- One row per level: 'vendor', a customer's id or an instance's id.
create table policy (
  level text primary key,
  entries jsonb not null
);
create table hold (
  id text primary key check (id like 'hold\_%'),
  instance_id text not null references instance,
  kind text not null,
  reason text not null,
  owner text,
  release_id text references release,
  upgrade_id text,
  since_at timestamptz not null default app_now(),
  until_at timestamptz,
  cleared_at timestamptz,
  cleared_by text,
  clear_reason text
);
create index hold_open on hold (instance_id) where cleared_at is null;
create table playbook (
  digest text primary key,
  name text not null,
  title text not null,
  source text not null,
  path text not null,
  added_at timestamptz not null default app_now()
);
-- Which revision of a playbook new runs use.
create table playbook_current (
  name text primary key,
  digest text not null references playbook
);
create table stop_the_world (
  only_row boolean primary key default true check (only_row),
  at timestamptz not null,
  by text not null,
  reason text not null
);

-- ------------------------------------------------------------------------------------------------------------ upgrades
create table upgrade (
  id text primary key check (id like 'upg\_%'),
  customer_id text not null references customer,
  instance_id text not null references instance,
  from_version text not null,
  to_release_id text not null references release,
  to_version text not null,
  trigger text not null check (trigger in ('emergency', 'booked', 'nightly', 'requested')),
  requested_by text not null,
  reason text not null default '',
  reasons jsonb not null default '[]',
  content_hash text not null,
  schedule_hash text not null,
  created_at timestamptz not null default app_now(),
  ended_at timestamptz
);
create index upgrade_instance on upgrade (instance_id, created_at desc);
create index upgrade_open on upgrade (instance_id) where ended_at is null;

-- Rule 21: one open upgrade per instance, whoever starts it. Taken at the first `uses` step, released at the end.
create table instance_claim (
  upgrade_id text not null references upgrade,
  instance_id text not null references instance,
  taken_at timestamptz not null default app_now(),
  released_at timestamptz,
  primary key (upgrade_id, instance_id)
);
create unique index one_open_upgrade_per_instance on instance_claim (instance_id) where released_at is null;

-- Fences rise over all runs, not per run: whoever receives one (a proxy, a script) can refuse a lower one, whichever run of
-- that site it came from.
create sequence run_fence;

-- One execution of a plan. `state` and everything below `fence` is a cache of the journal's fold, tested to equal it.
create table run (
  id text primary key check (id like 'run\_%'),
  upgrade_id text not null references upgrade,
  instance_id text not null references instance,
  plan jsonb not null,
  state text not null default 'planned',
  state_detail text,
  waiting_code text,
  current_step text,
  fence bigint not null default 0,
  leased_by text,
  leased_until timestamptz,
  wake_at timestamptz,
  last_seq integer not null default 0,
  from_version text not null,
  to_version text not null,
  point_crossed boolean not null default false,
  last_mutation_seq integer not null default 0,
  observed_version text,
  observed_write_ok boolean,
  observed_seq integer not null default 0,
  site_open boolean,
  closed_at timestamptz,
  opened_at timestamptz,
  created_at timestamptz not null default app_now(),
  started_at timestamptz,
  ended_at timestamptz
) with (fillfactor = 70);
create index run_due on run (wake_at) where ended_at is null;
create index run_upgrade on run (upgrade_id);
create index run_instance on run (instance_id, created_at desc);

create table run_step (
  run_id text not null references run,
  lane text not null check (lane in ('main', 'recover')),
  step_id text not null,
  position integer not null,
  title text not null,
  kind text not null,
  action text,
  driver text,
  needs text[] not null default '{}',
  has_undo boolean not null default false,
  marked boolean not null default false,
  mutates boolean not null default false,
  closes boolean not null default false,
  opens boolean not null default false,
  switches boolean not null default false,
  expect_ms bigint not null,
  state text not null default 'pending',
  state_detail text,
  attempt integer not null default 0,
  not_applied boolean not null default false,
  started_seq integer,
  started_at timestamptz,
  ended_at timestamptz,
  primary key (run_id, lane, step_id)
) with (fillfactor = 70);

-- The journal: the truth. Appended under the fence, never changed. `hash` chains the rows of one run.
create table run_event (
  run_id text not null references run,
  seq integer not null,
  at timestamptz not null,
  fence bigint not null,
  body jsonb not null,
  hash text not null,
  primary key (run_id, seq)
);

create table step_log (
  -- Order over the whole run: a stream that broke off resumes after the last one that it has seen.
  id bigint generated always as identity unique,
  run_id text not null references run,
  lane text not null,
  step_id text not null,
  attempt integer not null,
  line integer not null,
  at timestamptz not null default app_now(),
  stream text not null,
  text text not null,
  primary key (run_id, lane, step_id, attempt, line)
);

-- What a step took, for forecasts (p50, p95 from the last runs).
create table step_duration (
  product text not null,
  action text not null,
  step_id text not null,
  run_id text not null references run,
  took_ms bigint not null,
  ended_at timestamptz not null
);
create index step_duration_key on step_duration (product, step_id, action, ended_at desc);

create table backup (
  id text primary key check (id like 'bkp\_%'),
  instance_id text not null references instance,
  run_id text not null references run,
  upgrade_id text not null references upgrade,
  grade text not null check (grade in ('written', 'readable', 'restored')),
  begun_at timestamptz not null,
  finished_at timestamptz not null,
  bytes bigint not null,
  output jsonb not null
);
create index backup_instance on backup (instance_id, finished_at desc);

-- ----------------------------------------------------------------------------------------------------- guard on opening
-- Rule 10 for the truth; `openingVerdict` in the domain says the same for the explanation. A disagreement refuses.
--   main lane (a): every other ancestor ended well, and the to-version with its write check was observed after the last
--                  mutating step.
--   undo lane (b): the point of no return was not crossed, everything that began after this closing step is undone, and
--                  the from-version was observed after that.
--   recover  (c):  every ancestor in the recovery ended well, and its own probe saw the from-version with its write check.
create function opening_allowed(p_run text, p_lane text, p_step text) returns boolean language sql stable as $$
  with recursive r as (
    select * from run where id = p_run
  ), ancestor (step_id) as (
    select unnest(s.needs) from run_step s
     where s.run_id = p_run and s.lane = case p_lane when 'undo' then 'main' else p_lane end and s.step_id = p_step
    union
    select unnest(s.needs) from run_step s join ancestor a on a.step_id = s.step_id
     where s.run_id = p_run and s.lane = case p_lane when 'undo' then 'main' else p_lane end
  )
  select case p_lane
    when 'main' then
      not exists (select from run_step s join ancestor a using (step_id)
                   where s.run_id = p_run and s.lane = 'main' and s.state not in ('succeeded', 'done-by-hand', 'skipped'))
      and r.observed_version is not distinct from r.to_version and r.observed_write_ok is true
      and r.observed_seq > r.last_mutation_seq
    when 'undo' then
      not r.point_crossed
      and not exists (select from run_step s, run_step c
                       where s.run_id = p_run and s.lane = 'main' and s.has_undo and s.started_seq is not null
                         and c.run_id = p_run and c.lane = 'main' and c.step_id = p_step
                         and s.started_seq > c.started_seq and s.state <> 'undone' and not s.not_applied)
      and r.observed_version is not distinct from r.from_version and r.observed_seq > r.last_mutation_seq
    when 'recover' then
      not exists (select from run_step s join ancestor a using (step_id)
                   where s.run_id = p_run and s.lane = 'recover' and s.state not in ('succeeded', 'done-by-hand', 'skipped'))
      and r.observed_version is not distinct from r.from_version and r.observed_write_ok is true
      and r.observed_seq > r.last_mutation_seq
    else false
  end
  from r
$$;

-- --------------------------------------------------------------------------------------------------------------- people
create table account (
  id text primary key check (id like 'acc\_%'),
  email text not null unique,
  name text not null,
  password_hash text not null,
  role text not null check (role in ('viewer', 'operator', 'release-manager', 'admin')),
  must_change_password boolean not null default false,
  created_at timestamptz not null default app_now(),
  disabled_at timestamptz
);
create table session (
  token_hash text primary key,
  account_id text not null references account,
  created_at timestamptz not null default app_now(),
  last_seen_at timestamptz not null default app_now(),
  expires_at timestamptz not null
);
create table api_token (
  id text primary key check (id like 'tok\_%'),
  token_hash text not null unique,
  name text not null,
  account_id text not null references account,
  scopes text[] not null,
  created_at timestamptz not null default app_now(),
  expires_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz
);
-- A repeated POST with the same key gets the first answer (security 4.10, rows 5 to 8).
create table idempotency_key (
  principal text not null,
  key text not null,
  request_hash text not null,
  status integer,
  body jsonb,
  created_at timestamptz not null default app_now(),
  primary key (principal, key)
);
create table secret (
  scope text not null,
  name text not null,
  version integer not null,
  ciphertext bytea not null,
  key_id text not null,
  fingerprint text not null,
  created_at timestamptz not null default app_now(),
  created_by text not null,
  primary key (scope, name, version)
);

-- --------------------------------------------------------------------------------------------------------------- record
-- The audit trail: append-only, one hash chain per customer ('' is the vendor's own chain).
create table event (
  id bigint generated always as identity primary key,
  chain text not null,
  chain_seq integer not null,
  at timestamptz not null,
  actor text not null,
  verb text not null,
  object_kind text not null,
  object_id text not null,
  customer_id text references customer,
  before jsonb,
  after jsonb,
  reason text,
  prev_hash text not null,
  hash text not null,
  unique (chain, chain_seq)
);
create index event_object on event (object_kind, object_id, id);
create table event_chain (
  chain text primary key,
  last_seq integer not null,
  last_hash text not null
);
create function refuse_rewriting() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger event_append_only before update or delete or truncate on event
  for each statement execute function refuse_rewriting();
create trigger run_event_append_only before update or delete or truncate on run_event
  for each statement execute function refuse_rewriting();

-- The outbox: written with the change that it tells of, sent afterwards. One row per (event, person, channel).
create table notice (
  id text primary key check (id like 'ntc\_%'),
  key text not null unique,
  event text not null,
  customer_id text references customer,
  run_id text references run,
  recipient text not null,
  subject text not null,
  body text not null,
  state text not null default 'queued' check (state in ('queued', 'sent', 'failed', 'undeliverable')),
  attempts integer not null default 0,
  next_at timestamptz not null default app_now(),
  sent_at timestamptz,
  last_error text,
  created_at timestamptz not null default app_now()
);
create index notice_due on notice (next_at) where state = 'queued';

create table setting (
  key text primary key,
  value jsonb not null
);
