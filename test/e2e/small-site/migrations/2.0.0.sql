-- Each statement commits by itself, as many vendors' migrations do, so it can stop half-way: two notes that differ only in
-- upper and lower case pass everything but the last statement. By then version 1 cannot write any more.
alter table notes add column if not exists slug text;
alter table pages add column if not exists title text;
update notes set slug = lower(text);
alter table notes alter column slug set not null;
create unique index notes_slug on notes (slug);
