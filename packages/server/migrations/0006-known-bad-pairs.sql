-- An upgrade that was taken back is not tried again by itself from the same version to the same release by the same revision
-- of the playbook, also when its hold is gone. A row is lifted by a person who wants the pair tried again, never removed.
create table known_bad_pair (
  instance_id text not null references instance,
  from_version text not null,
  release_id text not null references release,
  playbook_digest text not null,
  run_id text not null references run,
  reason text not null,
  since_at timestamptz not null default app_now(),
  lifted_at timestamptz,
  lifted_by text,
  lift_reason text,
  primary key (instance_id, from_version, release_id, playbook_digest)
);
