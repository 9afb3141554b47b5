/** `database/migrate`: runs the release's migrations. Not idempotent in Sitelift's eyes; `observe` compares name by name. */
import {
  databaseMigrations,
  decideMigrationState,
  endLeftSessions,
  packageMigrations,
  runMigrations,
} from './migrations.ts';
import type { MigrationState } from './migrations.ts';
import { migrationsDirectory, readBuild } from './build.ts';
import type { Build } from './build.ts';
import { ScriptFailure, connectionOf, recordEffect, runScript } from './script.ts';
import type { Script } from './script.ts';

async function builtOrFail(script: Script, version: string): Promise<Build> {
  const build = await readBuild(script.paths, version);
  if (build === null) throw new ScriptFailure(`no build of ${version} was staged`);
  return build;
}

async function stateOf(script: Script): Promise<MigrationState> {
  const [from, to] = [await builtOrFail(script, script.from), await builtOrFail(script, script.to)];
  return decideMigrationState(
    await databaseMigrations(connectionOf(script)),
    await packageMigrations(migrationsDirectory(script.paths, from)),
    await packageMigrations(migrationsDirectory(script.paths, to)),
  );
}

await runScript({
  apply: async (script) => {
    await endLeftSessions(connectionOf(script));
    const before = await stateOf(script);
    if (before.state === 'applied') return console.log('nothing to migrate');
    // Each migration is a transaction of its own and is written down with it, so what was cut off goes on where it was.
    await recordEffect(script, { idempotent: false, resumed: before.state === 'in-between' });
    console.log(
      before.state === 'in-between' ? `going on: ${before.reason}` : `${before.pending} migrations to run`,
    );
    const build = await builtOrFail(script, script.to);
    await runMigrations(migrationsDirectory(script.paths, build), connectionOf(script));
    const after = await stateOf(script);
    if (after.state !== 'applied')
      throw new ScriptFailure(`the migrations ended, but they are ${after.state}`);
    console.log(`migrated ${script.from} -> ${script.to}`);
  },
  observe: async (script) => {
    await endLeftSessions(connectionOf(script));
    const seen = await stateOf(script);
    if (seen.state !== 'in-between') return seen.state === 'applied';
    console.log(seen.reason);
    return 'partly';
  },
});
