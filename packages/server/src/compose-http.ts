/** What the HTTP server may do, out of the parts: commands of the fleet, secrets, files, the night. */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DAY_MS } from '@sitelift/domain/time/instant.ts';
import { parseFleet } from '@sitelift/playbook/parse-fleet.ts';
import { parsePlaybook } from '@sitelift/playbook/parse-playbook.ts';
import type { Playbook } from '@sitelift/playbook/playbook.ts';
import { sql } from 'kysely';
import type { Night } from './compose-night.ts';
import type { Config } from './config/config.ts';
import type { Database } from './db/database.ts';
import type { RunHooks } from './engine/pg-run-store.ts';
import { applyFleet } from './fleet/apply-fleet.ts';
import { clearHold } from './fleet/hold-store.ts';
import { endPin, setPin } from './fleet/pin-store.ts';
import { promoteRelease, withdrawRelease } from './fleet/release-store.ts';
import { releaseStop, setStop } from './fleet/stop-store.ts';
import type { FleetCommands, HttpDeps, HttpLog, HttpSettings, SecretCommands } from './http/http-deps.ts';
import type { Installation } from './open-installation.ts';
import { listSecrets, setSecret } from './secrets/secret-store.ts';
import type { Bind } from './upgrades/freeze-plan.ts';

const PLAYBOOKS_DIR = fileURLToPath(new URL('../../../playbooks/', import.meta.url));

/** The playbooks that come with Sitelift; one that does not pass its own check is a defect of ours. */
export async function loadShippedPlaybooks(dir = PLAYBOOKS_DIR): Promise<readonly Playbook[]> {
  const names = (await readdir(dir)).filter((name) => name.endsWith('.yaml')).sort();
  return Promise.all(
    names.map(async (name) => {
      const parsed = parsePlaybook(await readFile(`${dir}/${name}`, 'utf8'), `playbooks/${name}`);
      if ('errors' in parsed)
        throw new Error(`the shipped playbook ${name} is refused: ${parsed.errors[0]?.message ?? ''}`);
      return parsed.playbook;
    }),
  );
}

/** Runs that only a stop holds back are looked at at once when it is released. */
async function wakeStopped(db: Database, hooks: RunHooks): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const { rows } = await sql<{ id: string }>`
      update run set wake_at = app_now()
       where ended_at is null and leased_by is null and waiting_code = 'stopped' returning id`.execute(tx);
    for (const { id } of rows) await hooks.wake(tx, id, null);
  });
}

function fleetCommands(db: Database, hooks: RunHooks, stableAfterDays: number): FleetCommands {
  return {
    promote: (input) => promoteRelease(db, { ...input, stableAfterMs: stableAfterDays * DAY_MS }),
    withdraw: (input) => withdrawRelease(db, input),
    setPin: (input) => setPin(db, input),
    endPin: (input) => endPin(db, input),
    clearHold: (input) => clearHold(db, input),
    stop: (input) => setStop(db, input),
    releaseStop: async (input) => {
      const result = await releaseStop(db, input);
      if ('done' in result) await wakeStopped(db, hooks);
      return result;
    },
  };
}

function secretCommands({ db, rootKey }: Installation): SecretCommands {
  return { set: (secret) => setSecret(db, rootKey, secret), list: () => listSecrets(db) };
}

export interface HttpParts {
  readonly installation: Installation;
  readonly config: Pick<Config, 'stableAfterDays'>;
  readonly settings: HttpSettings;
  readonly log: HttpLog;
  readonly night: Night;
  readonly hooks: RunHooks;
  readonly bind: Bind;
}

export async function composeHttp(parts: HttpParts): Promise<HttpDeps> {
  const { installation, config, settings, log, night, hooks, bind } = parts;
  const { db } = installation;
  const shipped = await loadShippedPlaybooks();
  return {
    db,
    settings,
    log,
    planning: { loadSnapshot: night.loadSnapshot, planNight: night.planNight, checkPlan: night.checkPlan },
    planNow: night.planNow,
    betweenPasses: night.betweenPasses,
    startUpgrade: night.startPersonal,
    lossExportOf: (runId, named) => {
      const directory = join(installation.dataDir, 'runs', runId);
      return dirname(named) === directory ? named : null;
    },
    runHooks: hooks,
    applyFleet: async (files, { dryRun, prune, actor }) => {
      const parsed = parseFleet(files, { shipped });
      if ('errors' in parsed) return { fileErrors: [...parsed.errors] };
      const applied = await applyFleet(db, parsed.fleet, { dryRun, prune, actor, bind });
      if (applied.errors.length > 0) return { fileErrors: [...applied.errors] };
      const changes = applied.changes.map((change) => ({ ...change, fields: [...change.fields] }));
      return { dryRun, changes, warnings: [...parsed.fleet.warnings] };
    },
    fleet: fleetCommands(db, hooks, config.stableAfterDays),
    secrets: secretCommands(installation),
  };
}
