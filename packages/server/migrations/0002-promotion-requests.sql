-- A risky release enters a channel when two people want it there (C14). What the first of them wants is kept here until a
-- second one wants the same, or it is too old; history is not overwritten: a row is ended, never removed.
create table promotion_request (
  id bigint generated always as identity primary key,
  release_id text not null references release,
  channel text not null references channel,
  -- The bytes that were meant: under another artefact of the same version nobody has wanted anything yet.
  artefact jsonb not null,
  account_id text not null references account,
  actor text not null,
  reason text not null,
  requested_at timestamptz not null default app_now(),
  ended_at timestamptz,
  end_reason text check (end_reason in ('placed', 'renewed'))
);
create unique index promotion_request_open on promotion_request (release_id, channel, account_id) where ended_at is null;
