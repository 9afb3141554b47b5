-- What a step waits for (`signal:<name>`, `upgrade:<instance>`) and when it has waited too long. Runs of the first version
-- wait for windows and instants only, and without a clock of their own.
alter table run_step add column waits_for text[] not null default '{}', add column waits_until timestamptz;
create index run_step_waits_for on run_step using gin (waits_for) where state = 'waiting';
