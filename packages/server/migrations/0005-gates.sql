-- Gates: what became of each, and the checklists that new plans freeze a copy of.
alter table run_step add column gate text
  check (gate in ('open', 'closed', 'timed-out', 'passed', 'denied', 'overridden'));
create table checklist (
  name text primary key,
  title text not null,
  items jsonb not null
);

-- Rule 10(a) once more, with: all gates before the opening are passed or validly overridden. A gate that was marked as skipped
-- or done by hand, by whatever mistake, opens nothing.
create or replace function opening_allowed(p_run text, p_lane text, p_step text) returns boolean language sql stable as $$
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
      and not exists (select from run_step s join ancestor a using (step_id)
                       where s.run_id = p_run and s.lane = 'main' and s.kind = 'gate'
                         and coalesce(s.gate, '') not in ('passed', 'overridden'))
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
