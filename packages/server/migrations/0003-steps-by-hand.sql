-- Steps that a person does by hand; runs of the first version have none.
alter table run_step add column manual boolean not null default false;
