/**
 * What belongs to a database as a whole and is not in a dump of it: owner, encoding and collation, who may connect, its
 * settings, its comment. A restored database without them looks right and behaves otherwise (a lost `search_path`).
 */
import type pg from 'pg';
import { z } from 'zod';
import type { LogSink } from '../driver.ts';
import { quoteName, quoteText } from './open-server.ts';
import { messageOf, StepFailure } from './step-failure.ts';

export const databasePropertiesSchema = z.object({
  owner: z.string(),
  encoding: z.string(),
  collate: z.string(),
  ctype: z.string(),
  /** `c` libc, `i` ICU, `b` builtin. */
  provider: z.string(),
  locale: z.string().nullable(),
  tablespace: z.string(),
  connectionLimit: z.int(),
  comment: z.string().nullable(),
  /** Null: the defaults. An empty grantee is everybody. */
  grants: z
    .array(z.object({ grantee: z.string(), privilege: z.string(), grantable: z.boolean() }))
    .nullable(),
  settings: z.array(z.object({ role: z.string().nullable(), name: z.string(), value: z.string() })),
});
export type DatabaseProperties = z.infer<typeof databasePropertiesSchema>;

/** The names of some columns changed with the version of the server, hence `to_jsonb`. */
const PROPERTIES = `
  select pg_get_userbyid(d.datdba) as owner, pg_encoding_to_char(d.encoding) as encoding,
         d.datcollate as collate, d.datctype as ctype, coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') as provider,
         coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') as locale,
         (select spcname::text from pg_tablespace t where t.oid = d.dattablespace) as tablespace,
         d.datconnlimit as "connectionLimit", shobj_description(d.oid, 'pg_database') as comment,
         case when d.datacl is null then null else coalesce((
           select jsonb_agg(jsonb_build_object('grantee', case a.grantee when 0 then '' else pg_get_userbyid(a.grantee)::text end,
                                               'privilege', a.privilege_type, 'grantable', a.is_grantable))
             from aclexplode(d.datacl) a), '[]') end as grants,
         coalesce((
           select jsonb_agg(jsonb_build_object('role', case s.setrole when 0 then null else pg_get_userbyid(s.setrole)::text end,
                                               'name', split_part(c.item, '=', 1),
                                               'value', substr(c.item, strpos(c.item, '=') + 1)))
             from pg_db_role_setting s cross join unnest(s.setconfig) c (item) where s.setdatabase = d.oid), '[]') as settings
    from pg_database d where d.datname = $1`;

export async function readDatabaseProperties(
  client: pg.Client,
  database: string,
): Promise<DatabaseProperties> {
  const { rows } = await client.query(PROPERTIES, [database]);
  if (rows.length === 0) throw new StepFailure(`there is no database ${database}`);
  return databasePropertiesSchema.parse(rows[0]);
}

/** Makes an empty database with the same owner, encoding and collation. */
export async function createDatabaseLike(
  client: pg.Client,
  name: string,
  like: DatabaseProperties,
): Promise<void> {
  const locale = like.locale === null ? '' : quoteText(like.locale);
  const provider =
    like.provider === 'i'
      ? ` locale_provider icu icu_locale ${locale}`
      : like.provider === 'b'
        ? ` locale_provider builtin builtin_locale ${locale}`
        : '';
  // Naming the default one asks for a right on it that plain owners do not have.
  const tablespace = like.tablespace === 'pg_default' ? '' : ` tablespace ${quoteName(like.tablespace)}`;
  await client.query(
    `create database ${quoteName(name)} template template0 owner ${quoteName(like.owner)}` +
      ` encoding ${quoteText(like.encoding)} lc_collate ${quoteText(like.collate)} lc_ctype ${quoteText(like.ctype)}` +
      provider +
      tablespace,
  );
}

/** Who may connect, limits and settings. A setting that cannot be taken over is told, and stops nothing. */
export async function applyDatabaseProperties(
  client: pg.Client,
  name: string,
  properties: DatabaseProperties,
  log: LogSink,
): Promise<void> {
  const database = quoteName(name);
  if (properties.connectionLimit >= 0)
    await client.query(`alter database ${database} connection limit ${properties.connectionLimit}`);
  if (properties.grants !== null) {
    await client.query(`revoke all on database ${database} from public`);
    for (const { grantee, privilege, grantable } of properties.grants) {
      const to = grantee === '' ? 'public' : quoteName(grantee);
      const option = grantable && grantee !== '' ? ' with grant option' : '';
      // A keyword out of PostgreSQL's own catalogue, but it went through a file of ours.
      if (!/^[A-Z]+$/.test(privilege)) throw new StepFailure(`no privilege on a database: ${privilege}`);
      await client.query(`grant ${privilege} on database ${database} to ${to}${option}`);
    }
  }
  for (const setting of properties.settings) {
    const whose =
      setting.role === null
        ? `alter database ${database}`
        : `alter role ${quoteName(setting.role)} in database ${database}`;
    const variable = setting.name.split('.').map(quoteName).join('.');
    try {
      // Through the session, because the stored text of a list (search_path) is not one literal.
      await client.query('select set_config($1, $2, false)', [setting.name, setting.value]);
      await client.query(`${whose} set ${variable} from current`);
    } catch (error) {
      log.line('err', `setting ${setting.name} of the database could not be taken over: ${messageOf(error)}`);
    } finally {
      await client.query(`reset ${variable}`).catch(() => {});
    }
  }
}

export async function databaseExists(client: pg.Client, name: string): Promise<boolean> {
  const { rows } = await client.query('select from pg_database where datname = $1', [name]);
  return rows.length > 0;
}

export async function commentOnDatabase(
  client: pg.Client,
  name: string,
  comment: string | null,
): Promise<void> {
  await client.query(
    `comment on database ${quoteName(name)} is ${comment === null ? 'null' : quoteText(comment)}`,
  );
}

/** Drops it whoever is connected. No word when it is not there. */
export async function dropDatabase(client: pg.Client, name: string): Promise<void> {
  await client.query(`drop database if exists ${quoteName(name)} with (force)`);
}
