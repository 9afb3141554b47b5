/**
 * The one place that constructs adapters: database, queue, drivers, mail, clock. Everything else gets what it needs as an
 * argument. What is composed here does nothing by itself until `work` is called; `stop` undoes all of it, in the order that
 * loses nothing: no new work, then what is under way, then the connections, then our own database server.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'kysely';
import { composeEngine, composeHooks, composeRunner } from './compose-engine.ts';
import { engineWithFailpoints, hooksWithFailpoints, senderWithFailpoints } from './compose-failpoints.ts';
import { composeHttp } from './compose-http.ts';
import { composeNight, NIGHT, type Night } from './compose-night.ts';
import type { Config } from './config/config.ts';
import { decisionNow, systemClock, type Clock } from './db/clock.ts';
import type { Database } from './db/database.ts';
import { startEmbeddedPostgres } from './db/embedded-postgres.ts';
import { isConnectionLost } from './db/is-connection-lost.ts';
import { saveNotice } from './db/outbox-store.ts';
import type { Dispatcher } from './dispatch/dispatcher.ts';
import { every, type Loop } from './dispatch/every.ts';
import { openGraphileDispatcher } from './dispatch/graphile-dispatcher.ts';
import { inTurn } from './dispatch/one-at-a-time.ts';
import { bindAction, findAction } from './drivers/registry.ts';
import type { FindAction } from './engine/action-runner.ts';
import type { EngineDeps } from './engine/advance-run.ts';
import type { RunHooks } from './engine/pg-run-store.ts';
import { startWorker, type Worker } from './engine/worker.ts';
import type { HttpDeps, HttpLog, HttpSettings } from './http/http-deps.ts';
import { openFailpoints, type Failpoints } from './failpoints/open-failpoints.ts';
import { pageOverdueClosings } from './loops/page-overdue-closings-loop.ts';
import { tendPins } from './loops/tend-pins-loop.ts';
import { observeInstancesOnce, type ObserveDeps } from './loops/observe-instances-loop.ts';
import { sendNoticesOnce } from './notices/send-notices-loop.ts';
import { createNoticeSender } from './notices/send-notice.ts';
import { openInstallation, StartProblem, type Installation } from './open-installation.ts';
import { loadSnapshot } from './planning/load-snapshot.ts';
import { openSecret } from './secrets/secret-store.ts';
import type { Bind } from './upgrades/freeze-plan.ts';

export interface ComposeOptions {
  readonly clock?: Clock;
  readonly log?: HttpLog;
  /** Instead of the registry of drivers: fakes at the edge, for tests. */
  readonly actions?: { readonly findAction: FindAction; readonly bind: Bind };
}

export interface ComposedServer {
  readonly db: Database;
  readonly dataDir: string;
  readonly dispatcher: Dispatcher;
  readonly engine: EngineDeps;
  readonly hooks: RunHooks;
  readonly night: Night;
  /** What the HTTP server needs; it is somebody else who starts one. */
  readonly http: (settings: HttpSettings) => Promise<HttpDeps>;
  /** Looks at every instance now; resolves when all have been looked at. */
  readonly probeOnce: () => Promise<void>;
  /** Begins to advance runs, plan, look, and send notices. */
  readonly work: () => Promise<void>;
  /** `keepDatabase`: our own PostgreSQL is left to another process that uses it. */
  readonly stop: (options?: { readonly graceMs?: number; readonly keepDatabase?: boolean }) => Promise<void>;
}

/** How long after a lost wake-up a run is found, milliseconds. */
const SWEEP_MS = 2_000;
/** An instance that was just applied waits at most this long for its first look, milliseconds. */
const PROBE_PASS_MS = 5_000;
const PROBES_AT_ONCE = 8;
const NOTICES_PASS_MS = 1_000;
/** How soon a PostgreSQL of ours that died is started again, milliseconds. */
const KEEP_DATABASE_MS = 5_000;
/** The same trouble of the same loop is logged once in this time, milliseconds. */
const SAME_TROUBLE_MS = 60_000;
const PROBES = 'probes';
/** A site that is closed for too long is seen this soon, milliseconds. */
const CLOSINGS_PASS_MS = 15_000;
const CLOSINGS = 'closings';
/** A pin's end counts at once, whoever closes its row; this is how soon the row says so, milliseconds. */
const PINS_PASS_MS = 600_000;
const PINS = 'pins';
const SILENT: HttpLog = { info: () => {}, error: () => {} };

/** A database that is away for an hour fills no log: one line a minute for each thing that cannot be done. */
function tellTrouble(log: HttpLog, clock: Clock): (error: unknown, doing: string) => void {
  const told = new Map<string, number>();
  return (error, doing) => {
    const text = error instanceof Error ? error.message : String(error);
    const now = clock.monotonicMs();
    const last = told.get(`${doing} ${text}`);
    if (last !== undefined && now - last < SAME_TROUBLE_MS) return;
    if (told.size > 1_000) told.clear();
    told.set(`${doing} ${text}`, now);
    log.error({ err: error, doing }, `${doing}: ${text}`);
  };
}

/** Our own PostgreSQL is looked after: killed, it is started again, and everything goes on by itself. */
function keepDatabase(installation: Installation, onError: (error: unknown) => void): Loop {
  return every(
    KEEP_DATABASE_MS,
    async () => {
      const alive = await sql`select 1`.execute(installation.db).then(
        () => true,
        () => false,
      );
      if (!alive) await startEmbeddedPostgres(installation.dataDir);
    },
    onError,
  );
}

/** A run that throws is a defect of ours: the staff hears of it, once per run. */
async function tellDefect(db: Database, config: Config, runId: string, error: unknown): Promise<void> {
  const { staffEmail } = config;
  if (staffEmail === null || !runId.startsWith('run_')) return;
  // When the database is what failed, this fails too: the log has it.
  const saved = db.transaction().execute((tx) =>
    saveNotice(tx, {
      key: `${runId}/defect/${staffEmail}`,
      event: 'run-put-aside',
      recipient: staffEmail,
      customerId: null,
      runId,
      subject: `${runId} was put aside`,
      body: `Sitelift cannot go on with ${runId}: ${error instanceof Error ? error.message : String(error)}\nIt is tried again, less and less often.`,
    }),
  );
  await saved.catch(() => {});
}

/** Null: none are asked for. Asked for where people's sites hang on it, they end the start. */
async function failpointsOf({ db, dataDir }: Installation, text: string | null): Promise<Failpoints | null> {
  if (text === null) return null;
  const points = await openFailpoints(db, text, join(dataDir, 'failpoints'));
  if (points === null) throw new StartProblem('SITELIFT_FAILPOINT is for tests: this is not a test database');
  return points;
}

function observeDeps(
  installation: Installation,
  runner: EngineDeps['runner'],
  bind: Bind,
  signal: AbortSignal,
  clock: Clock,
) {
  const { db, rootKey } = installation;
  return async (): Promise<ObserveDeps> => {
    const now = await decisionNow(db);
    const beganAt = clock.monotonicMs();
    return {
      db,
      runner,
      bind,
      signal,
      openSecret: (instance, name) => openSecret(db, rootKey, instance.customer.id, name),
      nowMs: () => now + (clock.monotonicMs() - beganAt),
    };
  };
}

export async function composeServer(config: Config, options: ComposeOptions = {}): Promise<ComposedServer> {
  const { clock = systemClock, log = SILENT, actions = { findAction, bind: bindAction } } = options;
  const stopping = new AbortController();
  const told = tellTrouble(log, clock);
  // What breaks off because we stop is no trouble.
  const onTrouble: typeof told = (error, doing) => {
    if (!stopping.signal.aborted) told(error, doing);
  };
  const installation = await openInstallation(config, (error) => onTrouble(error, 'an idle connection'));
  const { db, connection, dataDir } = installation;
  const giveUp = async (error: unknown): Promise<never> => {
    await db.destroy();
    await installation.embedded?.stop();
    throw error;
  };
  const failpoints = await failpointsOf(installation, config.failpoint).catch(giveUp);
  const dispatcher = await openGraphileDispatcher({ db, connection, onError: onTrouble }).catch(giveUp);
  const publicUrl = config.publicUrl ?? `http://${config.host}:${config.port}`;
  const runner = composeRunner(installation, actions.findAction, clock);
  const plainHooks = composeHooks(dispatcher, { staffEmail: config.staffEmail, publicUrl });
  const hooks = failpoints === null ? plainHooks : hooksWithFailpoints(plainHooks, failpoints);
  const plainEngine = composeEngine({ installation, config, runner, hooks, clock });
  const engine = failpoints === null ? plainEngine : engineWithFailpoints(plainEngine, failpoints);
  const night = composeNight({
    db,
    request: { db, bind: actions.bind, wake: hooks.wake },
    upgradesAtOnce: config.upgradesAtOnce,
    log,
  });

  const observe = observeDeps(installation, runner, actions.bind, stopping.signal, clock);
  const probe = async (everyMs: number): Promise<void> => {
    const settings = { everyMs, atOnce: PROBES_AT_ONCE };
    await observeInstancesOnce(await observe(), settings, (error, slug) =>
      onTrouble(error, `looking at ${slug}`),
    );
  };
  const loops: Loop[] = [];
  let worker: Worker | null = null;
  if (installation.embedded !== null)
    loops.push(keepDatabase(installation, (error) => onTrouble(error, 'the embedded PostgreSQL')));

  const advanceRuns = async (): Promise<void> => {
    const working = startWorker(
      engine,
      { runsAtOnce: config.runsAtOnce, sweepMs: SWEEP_MS },
      (error, runId) => {
        onTrouble(error, runId);
        // A database that was away is no defect: the run goes on, and nobody is to be woken for it.
        if (!isConnectionLost(error)) void tellDefect(db, config, runId, error);
      },
    );
    worker = working;
    await dispatcher.onWake((runId) => void working.wake(runId));
  };
  const work = async (): Promise<void> => {
    if (config.runsAtOnce > 0) await advanceRuns();
    dispatcher.cron(NIGHT, config.planEverySeconds * 1_000, night.pass);
    const { staffEmail } = config;
    dispatcher.cron(CLOSINGS, CLOSINGS_PASS_MS, async () => {
      await pageOverdueClosings(db, { staffEmail, publicUrl });
    });
    const snapshot = () => loadSnapshot(db, { upgradesAtOnce: config.upgradesAtOnce });
    dispatcher.cron(PINS, PINS_PASS_MS, () => tendPins({ db, loadSnapshot: snapshot, staffEmail }));
    const probeEveryMs = config.probeEverySeconds * 1_000;
    dispatcher.cron(PROBES, Math.min(PROBE_PASS_MS, probeEveryMs), () => probe(probeEveryMs));
    if (config.smtpUrl === null || config.mailFrom === null) return;
    const plainSender = createNoticeSender(config.smtpUrl, config.mailFrom);
    const sender = failpoints === null ? plainSender : senderWithFailpoints(plainSender, failpoints);
    stopping.signal.addEventListener('abort', () => sender.close(), { once: true });
    loops.push(
      every(
        NOTICES_PASS_MS,
        () => sendNoticesOnce(db, sender),
        (error) => onTrouble(error, 'sending notices'),
      ),
    );
  };

  return {
    db,
    dataDir,
    dispatcher,
    engine,
    hooks,
    night,
    http: (settings) =>
      composeHttp({ installation, config, settings, log, night, hooks, bind: actions.bind }),
    probeOnce: () => inTurn(db, PROBES, () => probe(0)),
    work,
    stop: async ({ graceMs, keepDatabase: keep = false } = {}) => {
      stopping.abort(new Error('the server stops'));
      await Promise.all([dispatcher.stop(), ...loops.map((loop) => loop.stop()), worker?.stop(graceMs)]);
      // A log line may still be on its way; a pool that does not close in time closes with the process.
      await Promise.race([db.destroy(), pause(5_000, undefined, { ref: false })]);
      if (!keep) await installation.embedded?.stop();
    },
  };
}
