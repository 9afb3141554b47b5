/**
 * What a database holds, so that a copy can be held against it: the exact count of every table, a checksum over a sample of
 * rows, how many objects of each kind, the extensions. Taken within the dump's own snapshot and compared with the restored
 * copy; never with the live database, which may have moved on (I-26).
 *
 * Left out on purpose: what a dump does not carry as rows (tables of extensions, foreign tables, temporary ones) or makes
 * anew (materialised views, sequences, whose position no snapshot holds).
 */
import type pg from 'pg';
import { z } from 'zod';
import { quoteName } from './open-server.ts';

export const databaseFactsSchema = z.object({
  counts: z.record(z.string(), z.int()),
  checksums: z.record(z.string(), z.string()),
  objects: z.record(z.string(), z.int()),
  extensions: z.record(z.string(), z.string()),
});
export type DatabaseFacts = z.infer<typeof databaseFactsSchema>;

/** The text of a row depends on these, and a database or a role may set them otherwise. */
export const SAME_TEXT = `
  set row_security = off; set datestyle = 'ISO, YMD'; set intervalstyle = postgres; set timezone = 'UTC';
  set extra_float_digits = 1; set bytea_output = hex; set lc_monetary = 'C'; set xmloption = content; set search_path = pg_catalog`;

const OURS = `n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`;
const NOT_OF_EXTENSION = (catalogue: string, oid: string): string =>
  `not exists (select from pg_depend d where d.classid = '${catalogue}'::regclass and d.objid = ${oid} and d.deptype = 'e')`;

const TABLES = `
  select n.nspname as schema, c.relname as name,
         (select array_agg(a.attname::text order by k.place)
            from pg_index i cross join unnest(i.indkey) with ordinality k (attnum, place)
            join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
           where i.indrelid = c.oid and i.indisprimary) as key,
         array(select a.attname::text from pg_attribute a
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum) as columns
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where c.relkind = 'r' and c.relpersistence <> 't' and ${OURS} and ${NOT_OF_EXTENSION('pg_class', 'c.oid')}
   order by 1, 2`;

/** Indexes that are not valid are not dumped. */
const OBJECTS = `
  select case c.relkind when 'r' then 'tables' when 'p' then 'partitioned-tables' when 'v' then 'views'
              when 'm' then 'materialised-views' when 'S' then 'sequences' when 'i' then 'indexes' when 'I' then 'indexes'
              when 'f' then 'foreign-tables' else 'composite-types' end as kind, count(*)::int as n
    from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_index i on i.indexrelid = c.oid
   where ${OURS} and c.relpersistence <> 't' and ${NOT_OF_EXTENSION('pg_class', 'c.oid')}
     and (i.indexrelid is null or i.indisvalid or c.relkind = 'I') group by 1
  union all
  select 'functions', count(*)::int from pg_proc p join pg_namespace n on n.oid = p.pronamespace
   where ${OURS} and ${NOT_OF_EXTENSION('pg_proc', 'p.oid')}
  union all
  select 'triggers', count(*)::int from pg_trigger t join pg_class c on c.oid = t.tgrelid
    join pg_namespace n on n.oid = c.relnamespace where ${OURS} and not t.tgisinternal
  union all
  select 'constraints', count(*)::int from pg_constraint x join pg_namespace n on n.oid = x.connamespace
   where ${OURS} and ${NOT_OF_EXTENSION('pg_constraint', 'x.oid')}`;

export interface TableRow {
  readonly schema: string;
  readonly name: string;
  /** The columns of the primary key, in its order; null without one. */
  readonly key: readonly string[] | null;
  readonly columns: readonly string[];
}

/** Every table whose rows a dump carries, by name. */
export async function listTables(client: pg.Client): Promise<readonly TableRow[]> {
  return (await client.query<TableRow>(TABLES)).rows;
}

/**
 * Count and checksum of one table in one statement. With a primary key the sample is its two ends (the newest rows are the
 * ones that a dump loses); without one the rows with the smallest hashes, which costs a hash of each row.
 */
function tableQuery(table: TableRow, sampleRows: number): string {
  const from = `only ${quoteName(table.schema)}.${quoteName(table.name)} sitelift_row`;
  const hash = `select md5(sitelift_row::text) as h from ${from}`;
  const order = (way: string): string =>
    (table.key ?? []).map((column) => `${quoteName(column)} ${way}`).join(', ');
  const half = Math.ceil(sampleRows / 2);
  const sample =
    table.key === null
      ? `${hash} order by 1 limit ${sampleRows}`
      : `(${hash} order by ${order('asc')} limit ${half}) union all (${hash} order by ${order('desc')} limit ${half})`;
  const checksum =
    sampleRows === 0 ? 'null' : `(select md5(coalesce(string_agg(h, '' order by h), '')) from (${sample}) s)`;
  return `select (select count(*) from ${from})::text as n, ${checksum} as checksum`;
}

/** Reads the facts with this client, in the snapshot of its transaction if it has one. Changes the session's settings. */
export async function readDatabaseFacts(client: pg.Client, sampleRows: number): Promise<DatabaseFacts> {
  await client.query(SAME_TEXT);
  const tables = await client.query<TableRow>(TABLES);
  const counts: Record<string, number> = {};
  const checksums: Record<string, string> = {};
  for (const table of tables.rows) {
    const { rows } = await client.query<{ n: string; checksum: string | null }>(
      tableQuery(table, sampleRows),
    );
    const name = `${table.schema}.${table.name}`;
    counts[name] = Number(rows[0]?.n ?? 0);
    const checksum = rows[0]?.checksum ?? null;
    if (checksum !== null) checksums[name] = checksum;
  }
  const objects = await client.query<{ kind: string; n: number }>(OBJECTS);
  const extensions = await client.query<{ name: string; version: string }>(
    'select extname as name, extversion as version from pg_extension',
  );
  return {
    counts,
    checksums,
    objects: Object.fromEntries(objects.rows.map((row) => [row.kind, row.n])),
    extensions: Object.fromEntries(extensions.rows.map((row) => [row.name, row.version])),
  };
}

/** Every way in which a copy differs from what was dumped, in words; none when it is the same. */
export function compareDatabaseFacts(dumped: DatabaseFacts, copy: DatabaseFacts): readonly string[] {
  const differences: string[] = [];
  for (const table of union(dumped.counts, copy.counts)) {
    const [before, after] = [dumped.counts[table], copy.counts[table]];
    if (after === undefined) differences.push(`table ${table} is missing`);
    else if (before === undefined) differences.push(`table ${table} was not in the dump`);
    else if (before !== after) differences.push(`table ${table} has ${after} rows, not ${before}`);
    else if (dumped.checksums[table] !== copy.checksums[table])
      differences.push(`the rows of table ${table} are not those that were dumped`);
  }
  for (const kind of union(dumped.objects, copy.objects)) {
    const [before, after] = [dumped.objects[kind] ?? 0, copy.objects[kind] ?? 0];
    if (before !== after) differences.push(`${after} ${kind}, not ${before}`);
  }
  for (const [name, version] of Object.entries(dumped.extensions)) {
    const found = copy.extensions[name];
    if (found === undefined) differences.push(`extension ${name} is missing`);
    else if (found !== version) differences.push(`extension ${name} is ${found}, not ${version}`);
  }
  return differences;
}

function union(a: object, b: object): readonly string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
}

/** A few of many differences, for one sentence. */
export function tellDifferences(differences: readonly string[], most = 5): string {
  const more = differences.length - most;
  return differences.slice(0, most).join('; ') + (more > 0 ? `; and ${more} more` : '');
}
