/** Decisions and runs as the rows of tonight: one for each site, gathered by what it moves to. Pure. */
import type { DecisionView, InstanceView, RunSummary } from '@sitelift/contract/views.ts';
import { statusOfDecision, statusOfRun, wordOfRun, type Status } from '../ui/status.tsx';

/** A run that ended longer ago than this is history, not tonight. */
const TONIGHT_MS = 18 * 3_600_000;

export interface Row {
  readonly decision: DecisionView;
  readonly run: RunSummary | null;
  readonly status: Status;
  /** Another word than the status has. */
  readonly word: string | undefined;
  readonly fromVersion: string | null;
  /** Null where it stays as it is. */
  readonly toVersion: string | null;
  readonly customerName: string;
}

/** The newest run of each site, if it is of tonight. */
function runsOfTonight(runs: readonly RunSummary[], nowMs: number): ReadonlyMap<string, RunSummary> {
  const newest = new Map<string, RunSummary>();
  for (const run of runs) {
    const isOld = run.endedAt !== null && nowMs - Date.parse(run.endedAt) > TONIGHT_MS;
    const known = newest.get(run.instance);
    if (!isOld && (known === undefined || known.id < run.id)) newest.set(run.instance, run);
  }
  return newest;
}

export function rowsOf(
  decisions: readonly DecisionView[],
  runs: readonly RunSummary[],
  instances: readonly InstanceView[],
  nowMs: number,
): readonly Row[] {
  const newest = runsOfTonight(runs, nowMs);
  const names = new Map(instances.map(({ customer }) => [customer.slug, customer.name]));
  return decisions.map((decision) => {
    const run = newest.get(decision.instance) ?? null;
    const { fromVersion, toVersion } = run ?? decision;
    return {
      decision,
      run,
      status: run === null ? statusOfDecision(decision.verdict) : statusOfRun(run.state),
      word:
        run !== null
          ? wordOfRun(run.state, run.waitingCode)
          : decision.verdict === 'up-to-date'
            ? 'Up to date'
            : undefined,
      fromVersion,
      toVersion: toVersion === fromVersion ? null : toVersion,
      customerName: names.get(decision.customer) ?? decision.customer,
    };
  });
}

/** Stopped at a question that nothing but a person answers; a run that a rule holds back goes on by itself. */
export function needsAPerson(run: RunSummary): boolean {
  return statusOfRun(run.state) === 'waiting' && wordOfRun(run.state, run.waitingCode) === undefined;
}

export interface RowGroup {
  readonly product: string;
  /** Null gathers those that no version is meant for. */
  readonly version: string | null;
  readonly rows: readonly Row[];
  /** How many run it already. */
  readonly there: number;
}

export function groupRows(rows: readonly Row[]): readonly RowGroup[] {
  const wanted = ({ run, decision }: Row): string | null =>
    run?.toVersion ?? decision.toVersion ?? decision.fromVersion;
  const groups = Map.groupBy(rows, (row) => `${row.decision.product} ${wanted(row) ?? ''}`);
  return [...groups.values()].map((group) => {
    const [first] = group;
    const version = first === undefined ? null : wanted(first);
    return {
      product: first?.decision.product ?? '',
      version,
      rows: group,
      there: group.filter(
        ({ run, decision }) => run?.state === 'succeeded' || decision.fromVersion === version,
      ).length,
    };
  });
}
