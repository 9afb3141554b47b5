/**
 * The night in a terminal: one line per site with what it does now, for how long, and when it should be done. Pure: facts
 * in, lines out. `watch-night.ts` draws them over each other where a terminal is looking and prints changes where not.
 */
import type { DecisionView, RunSummary } from '@sitelift/contract/views.ts';
import { reasonsInTheWay } from '@sitelift/domain/planning/reasons-in-the-way.ts';
import { duration, plain, state, table, tone } from '@sitelift/cli/terminal.ts';

export interface NightFacts {
  readonly nowMs: number;
  readonly decisions: readonly DecisionView[];
  /** The newest run of each instance, by its slug. */
  readonly runs: ReadonlyMap<string, RunSummary>;
}

export interface NightRow {
  readonly instance: string;
  readonly versions: string;
  readonly state: string;
  readonly step: string;
  readonly elapsed: string;
  readonly forecast: string;
}

/** Longer reasons are cut: the table must not wrap. */
const REASON_CHARS = 68;

function cut(text: string): string {
  return text.length <= REASON_CHARS ? text : `${text.slice(0, REASON_CHARS - 1)}…`;
}

function rowOfRun(run: RunSummary, nowMs: number): NightRow {
  const from = run.startedAt === null ? nowMs : Date.parse(run.startedAt);
  const until = run.endedAt === null ? nowMs : Date.parse(run.endedAt);
  const isOver = run.endedAt !== null;
  const leftMs = run.forecastEndAt === null ? 0 : Date.parse(run.forecastEndAt) - nowMs;
  const progress = `${run.stepsDone}/${run.stepsTotal}`;
  const step = run.step === null ? progress : `${progress} ${plain(run.step.title)}`;
  return {
    instance: run.instance,
    versions: `${run.fromVersion} → ${run.toVersion}`,
    state: run.state,
    step: isOver
      ? cut(plain(run.detail ?? ''))
      : cut(run.detail === null || run.state === 'running' ? step : `${step}: ${plain(run.detail)}`),
    elapsed: duration(Math.max(0, until - from)),
    forecast: isOver || run.forecastEndAt === null ? '' : leftMs > 0 ? `${duration(leftMs)} left` : 'overdue',
  };
}

function rowOfDecision(decision: DecisionView): NightRow {
  const { fromVersion, toVersion, verdict, reasons } = decision;
  const moves = toVersion !== null && toVersion !== fromVersion;
  return {
    instance: decision.instance,
    versions: moves ? `${fromVersion ?? '–'} → ${toVersion}` : (fromVersion ?? '–'),
    state: verdict,
    step: cut(plain(reasonsInTheWay(reasons)[0]?.detail)),
    elapsed: '',
    forecast: '',
  };
}

/** A run says more than the decision that it came of. */
export function nightRows(facts: NightFacts): readonly NightRow[] {
  return facts.decisions.map((decision) => {
    const run = facts.runs.get(decision.instance);
    return run === undefined ? rowOfDecision(decision) : rowOfRun(run, facts.nowMs);
  });
}

export function drawNight(rows: readonly NightRow[], title: string): readonly string[] {
  const body = table(
    ['SITE', 'VERSIONS', 'STATE', 'ELAPSED', 'FORECAST', 'STEP / WHY'],
    rows.map((row) => [row.instance, row.versions, state(row.state), row.elapsed, row.forecast, row.step]),
  );
  return [tone('bold', title), '', ...body.split('\n'), ''];
}
