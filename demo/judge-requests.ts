/**
 * Holds what the users saw against what the journal says. Not one request may fail, and the maintenance page may be seen only
 * while the journal says that the site was closed, give or take a second. Pure: the report and the runs are data.
 */
import type { RequestReport, SiteReport } from './load-client.ts';

export type { RequestReport } from './load-client.ts';

/** A run as far as it counts here; ISO instants, null when it never closed the site or has not opened it yet. */
export interface ClosedInterval {
  readonly instance: string;
  readonly closedAt: string | null;
  readonly openedAt: string | null;
}

export interface SiteVerdict {
  readonly total: number;
  readonly failed: number;
  /** What the users saw of the page: the sum of its stretches. */
  readonly maintenanceSeconds: number;
  /** One sentence each; empty when all is well. */
  readonly problems: readonly string[];
}

/** The journal writes down that the page goes up before it does, and that it is down after it is. */
const TOLERANCE_MS = 1000;

function at(ms: number): string {
  return new Date(ms).toISOString();
}

function intervalsOf(
  site: string,
  runs: readonly ClosedInterval[],
  endedAt: number,
): readonly [number, number][] {
  return runs.flatMap((run) => {
    if (run.instance !== site || run.closedAt === null) return [];
    return [
      [Date.parse(run.closedAt), run.openedAt === null ? endedAt : Date.parse(run.openedAt)] as [
        number,
        number,
      ],
    ];
  });
}

function judgeSite(site: string, seen: SiteReport, closed: readonly [number, number][]): SiteVerdict {
  const problems: string[] = [];
  if (seen.total === 0) problems.push(`nobody asked ${site} anything`);
  if (seen.failed > 0) {
    const [first] = seen.failures;
    problems.push(
      `${seen.failed} of ${seen.total} requests to ${site} failed, the first at ${at(first?.at ?? 0)}: ${first?.why ?? 'unknown'}`,
    );
  }
  for (const { firstAt, lastAt } of seen.stretches) {
    const inside = closed.some(
      ([from, until]) => firstAt >= from - TOLERANCE_MS && lastAt <= until + TOLERANCE_MS,
    );
    if (inside) continue;
    const journal = closed.map(([from, until]) => `${at(from)} to ${at(until)}`).join(', ');
    problems.push(
      `${site} showed its maintenance page from ${at(firstAt)} to ${at(lastAt)}; the journal says ${journal === '' ? 'never' : journal}`,
    );
  }
  const maintenanceMs = seen.stretches.reduce((sum, { firstAt, lastAt }) => sum + lastAt - firstAt, 0);
  return {
    total: seen.total,
    failed: seen.failed,
    maintenanceSeconds: Math.round(maintenanceMs / 100) / 10,
    problems,
  };
}

/** A verdict for every site of the report. */
export function judgeRequests(
  report: RequestReport,
  runs: readonly ClosedInterval[],
): ReadonlyMap<string, SiteVerdict> {
  return new Map(
    Object.entries(report.sites).map(([site, seen]) => [
      site,
      judgeSite(site, seen, intervalsOf(site, runs, report.endedAt)),
    ]),
  );
}
