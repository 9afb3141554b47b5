/**
 * The vendor's scripts, all in one: which of them is meant stands in SITELIFT_ACTION; `observe` as the argument only looks.
 * A staged release is a file that names it; the code itself lies here.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { isListening } from '../../../demo/app/application.ts';
import { ScriptFailure, recordEffect, runScript } from '../../../demo/app/script.ts';
import type { Script, ScriptBody } from '../../../demo/app/script.ts';
import { logTail, startService, statusOf, stopService } from '../../../demo/services.ts';
import { databaseUrl, serviceOf, startSpec } from './start-spec.ts';

const START_LIMIT_MS = 20_000;
const LEFT_BEHIND_LIMIT_MS = 5_000;
const LEFT_BEHIND = `
  select from pg_stat_activity
   where datname = current_database() and application_name = $1 and pid <> pg_backend_pid()`;

function stagedFile({ paths, instance }: Script, slot: string): string {
  return join(paths.sites, instance, slot);
}

function stagedIn(script: Script, slot: string): Promise<string | null> {
  return readFile(stagedFile(script, slot), 'utf8').catch(() => null);
}

function portOf({ settings, slot }: Script): number {
  return settings.ports[slot] ?? 0;
}

const MIGRATES = 'notes migrate';

/**
 * A script that is killed leaves its statement behind: the server goes on with it, and what was looked at as "not applied"
 * is applied a moment later. So the server is told to notice, and whoever looks waits until nobody of before is left.
 */
async function withDatabase<T>(script: Script, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    connectionString: databaseUrl(script.settings.database),
    application_name: MIGRATES,
    options: '-c client_connection_check_interval=100',
  });
  client.on('error', () => {});
  await client.connect();
  try {
    const deadline = performance.now() + LEFT_BEHIND_LIMIT_MS;
    while ((await client.query(LEFT_BEHIND, [MIGRATES])).rowCount !== 0) {
      if (performance.now() > deadline) throw new Error('an earlier migration is still at this database');
      await pause(20);
    }
    return await use(client);
  } finally {
    await client.end().catch(() => {});
  }
}

async function schemaState(client: Client, version: string): Promise<boolean | 'partly'> {
  const done = await client.query('select from schema_version where version = $1', [version]);
  if (done.rowCount !== 0) return true;
  const begun = await client.query(
    `select from information_schema.columns where table_name = 'notes' and column_name = 'slug'`,
  );
  return begun.rowCount === 0 ? false : 'partly';
}

const SCRIPTS: Readonly<Record<string, ScriptBody>> = {
  'app/stage': {
    observe: async (script) => (await stagedIn(script, script.stagingSlot)) === script.to,
    apply: async (script) => {
      await recordEffect(script, { idempotent: true });
      const file = stagedFile(script, script.stagingSlot);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, script.to);
    },
  },
  'app/unstage': {
    observe: async (script) => (await stagedIn(script, script.stagingSlot)) === null,
    apply: (script) => rm(stagedFile(script, script.stagingSlot), { force: true }),
  },
  'app/stop': {
    observe: async ({ paths, instance, slot }) => !(await statusOf(paths, serviceOf(instance, slot))).running,
    apply: ({ paths, instance, slot }) => stopService(paths, serviceOf(instance, slot)),
  },
  'app/start': {
    observe: async (script) => {
      const service = await statusOf(script.paths, serviceOf(script.instance, script.slot));
      if (service.running && service.labels['version'] !== script.version)
        throw new Error(`${service.name} runs ${service.labels['version']}`);
      return service.running && isListening(portOf(script));
    },
    apply: async (script) => {
      const { paths, instance, slot, version, settings } = script;
      const staged = await stagedIn(script, slot);
      if (staged !== version) throw new ScriptFailure(`${slot} holds ${staged ?? 'nothing'}, not ${version}`);
      const { name } = await startService(
        paths,
        startSpec({ instance, slot, version, port: portOf(script), database: settings.database }),
      );
      const deadline = performance.now() + START_LIMIT_MS;
      while (!(await isListening(portOf(script)))) {
        if (performance.now() > deadline)
          throw new ScriptFailure(`${name} does not listen: ${await logTail(paths, name)}`);
        await pause(20);
      }
    },
  },
  'database/migrate': {
    observe: (script) => withDatabase(script, (client) => schemaState(client, script.to)),
    apply: (script) =>
      withDatabase(script, async (client) => {
        const resumed = (await schemaState(client, script.to)) === 'partly';
        await recordEffect(script, { idempotent: false, resumed });
        const file = join(import.meta.dirname, 'migrations', `${script.to}.sql`);
        const text = (await readFile(file, 'utf8')).replaceAll(/^--.*$/gm, '');
        for (const statement of text.split(';').filter((part) => part.trim() !== ''))
          await client.query(statement);
        await client.query('insert into schema_version values ($1)', [script.to]);
      }),
  },
};

const action = process.env['SITELIFT_ACTION'] ?? '';
const body = SCRIPTS[action];
if (body === undefined) throw new Error(`there is no script for ${action}`);
await runScript(body);
