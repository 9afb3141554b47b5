/**
 * The night, watched through the API like anybody else would: what is decided, what runs, and when it is over. Counts at
 * the end put every instance into exactly one of four; an instance that fits none is named, and the demo has failed.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from '@sitelift/contract/client.ts';
import { routes } from '@sitelift/contract/routes.ts';
import type { DecisionView, RunSummary, RunView } from '@sitelift/contract/views.ts';
import { drawNight, nightRows } from './terminal/night-table.ts';
import type { Screen } from './terminal/screen.ts';

/** Reasons that pass by themselves within a night that is played now. */
const PASSES_TONIGHT: ReadonlySet<string> = new Set([
  'capacity-full',
  'stage-pending',
  'upgrade-in-progress',
]);
const LOOK_EVERY_MS = 500;
/** A night of eight small sites takes a minute or two; one that takes this long hangs. */
const NIGHT_LIMIT_MS = 20 * 60_000;

export interface Night {
  readonly decisions: readonly DecisionView[];
  /** The newest run of each instance, by its slug. */
  readonly runs: ReadonlyMap<string, RunSummary>;
}

export type Bucket = 'upgraded' | 'rolledBack' | 'held' | 'upToDate';

function newestOf(runs: readonly RunSummary[]): ReadonlyMap<string, RunSummary> {
  const newest = new Map<string, RunSummary>();
  for (const run of runs) {
    const known = newest.get(run.instance);
    if (known === undefined || known.id < run.id) newest.set(run.instance, run);
  }
  return newest;
}

async function look(client: Client): Promise<Night> {
  const { decisions } = await client.call(routes.plan);
  const { runs } = await client.call(routes.listRuns, { query: { limit: 200 } });
  return { decisions, runs: newestOf(runs) };
}

function isMoving(decision: DecisionView, run: RunSummary | undefined): boolean {
  if (run !== undefined && run.endedAt === null) return true;
  if (decision.verdict === 'start') return true;
  return decision.verdict === 'wait' && decision.reasons.some(({ code }) => PASSES_TONIGHT.has(code));
}

/** Waits for somebody who is not here tonight. */
function needsAPerson(run: RunSummary | undefined): boolean {
  return (
    run?.state === 'needs-a-person' ||
    (run?.state === 'waiting' && run.waitingCode !== null && run.step !== null)
  );
}

/** Draws the night until nothing moves any more. Throws when it takes too long or a run waits for a person. */
export async function watchNight(
  client: Client,
  screen: Screen,
  title: string,
  signal: AbortSignal,
): Promise<Night> {
  const startedAt = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const night = await look(client);
    screen.draw(drawNight(nightRows({ ...night, nowMs: Date.now() }), title));
    const moving = night.decisions.filter((each) => isMoving(each, night.runs.get(each.instance)));
    if (moving.length === 0) return night;
    const stuck = moving.find((each) => needsAPerson(night.runs.get(each.instance)));
    if (stuck !== undefined && moving.every((each) => needsAPerson(night.runs.get(each.instance))))
      throw new Error(
        `${stuck.instance} waits for a person: ${night.runs.get(stuck.instance)?.detail ?? ''}`,
      );
    if (performance.now() - startedAt > NIGHT_LIMIT_MS)
      throw new Error(`the night is not over after ${NIGHT_LIMIT_MS / 60_000} min`);
    await pause(LOOK_EVERY_MS, undefined, { signal });
  }
}

/** Where an instance belongs at the end; null when nowhere, which is a defect. */
export function bucketOf(decision: DecisionView, run: RunSummary | undefined): Bucket | null {
  if (run?.state === 'succeeded') return 'upgraded';
  if (run?.state === 'recovered' || run?.state === 'rolled-back') return 'rolledBack';
  if (run !== undefined) return null;
  if (decision.verdict === 'up-to-date') return 'upToDate';
  return decision.verdict === 'hold' ? 'held' : null;
}

export interface Downtime {
  /** From the journal: the page began to go up until it was down again. */
  readonly maintenanceSeconds: number;
  /** What the steps in between took by themselves. */
  readonly stepSeconds: number;
}

function secondsBetween(from: string, until: string): number {
  return (Date.parse(until) - Date.parse(from)) / 1000;
}

/** Null for a run that never closed its site. */
export function downtimeOf(run: RunView): Downtime | null {
  const { closedAt, openedAt } = run;
  if (closedAt === null || openedAt === null) return null;
  const inside = run.steps.filter(
    ({ startedAt, endedAt }) =>
      startedAt !== null && endedAt !== null && startedAt >= closedAt && endedAt <= openedAt,
  );
  const stepSeconds = inside.reduce(
    (sum, { startedAt, endedAt }) => sum + secondsBetween(startedAt ?? '', endedAt ?? ''),
    0,
  );
  const round = (value: number) => Math.round(value * 10) / 10;
  return { maintenanceSeconds: round(secondsBetween(closedAt, openedAt)), stepSeconds: round(stepSeconds) };
}
