/**
 * What the night came to. Nothing here believes Sitelift: every site is asked through the proxy what it runs and what it
 * holds, and every request of the load client is held against the journal. A night without problems exits with 0.
 */
import type { Client } from '@sitelift/contract/client.ts';
import { routes } from '@sitelift/contract/routes.ts';
import type { RunView } from '@sitelift/contract/views.ts';
import { reasonsInTheWay } from '@sitelift/domain/planning/reasons-in-the-way.ts';
import { duration, plain, table, tone } from '@sitelift/cli/terminal.ts';
import { digestOf } from './content.ts';
import { judgeRequests, type RequestReport } from './judge-requests.ts';
import { bucketOf, downtimeOf, type Bucket, type Downtime, type Night } from './night.ts';
import type { DemoWorld } from './world.ts';

export interface SiteOutcome {
  readonly site: string;
  readonly bucket: Bucket | null;
  /** Version that the site itself reports, through the proxy; null when it does not answer. */
  readonly serves: string | null;
  readonly why: string;
  readonly downtime: Downtime | null;
  readonly failedRequests: number;
  readonly requests: number;
}

export interface NightSummary {
  readonly upgraded: number;
  readonly rolledBack: number;
  readonly held: number;
  readonly upToDate: number;
  readonly downtimeSeconds: Readonly<Record<string, number>>;
  readonly stepSeconds: Readonly<Record<string, number>>;
  readonly failedRequests: Readonly<Record<string, number>>;
  readonly sites: readonly SiteOutcome[];
  /** One sentence each; empty for a good night. */
  readonly problems: readonly string[];
}

const WORDS: Readonly<Record<Bucket, string>> = {
  upgraded: tone('ok', '✓ upgraded'),
  rolledBack: tone('back', '↩ rolled back'),
  held: tone('wait', '‖ held'),
  upToDate: tone('ok', '✓ up to date'),
};

/** Longer reasons are cut: `sitelift why` has them whole. */
const WHY_CHARS = 64;

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Asks the site itself. Problems are sentences; none for a site that is as it should be. */
async function askSite(
  world: DemoWorld,
  site: string,
  expected: string | null,
): Promise<{ serves: string | null; problems: readonly string[] }> {
  try {
    const serves = await world.versionOf(site);
    const problems: string[] = [];
    if (expected !== null && serves !== expected) problems.push(`${site} serves ${serves}, not ${expected}`);
    if (digestOf(await world.contentOf(site)) !== digestOf(await world.seededContent(site)))
      problems.push(`the content of ${site} is not what it was before the night`);
    return { serves, problems };
  } catch (error) {
    return { serves: null, problems: [`${site} does not serve: ${message(error)}`] };
  }
}

function count(outcomes: readonly SiteOutcome[], bucket: Bucket): number {
  return outcomes.filter((outcome) => outcome.bucket === bucket).length;
}

function record(outcomes: readonly SiteOutcome[], value: (outcome: SiteOutcome) => number | undefined) {
  return Object.fromEntries(
    outcomes.flatMap((outcome) => {
      const found = value(outcome);
      return found === undefined ? [] : [[outcome.site, found]];
    }),
  );
}

export async function judgeNight(
  client: Client,
  world: DemoWorld,
  night: Night,
  requests: RequestReport,
): Promise<NightSummary> {
  const problems: string[] = [];
  const outcomes: SiteOutcome[] = [];
  const journal: RunView[] = [];
  const instances = await client.call(routes.listInstances);
  for (const decision of night.decisions) {
    const summary = night.runs.get(decision.instance);
    const run =
      summary === undefined ? null : await client.call(routes.getRun, { params: { run: summary.id } });
    if (run !== null) journal.push(run);
    const bucket = bucketOf(decision, summary);
    if (bucket === null)
      problems.push(
        `${decision.instance} ended as ${summary?.state ?? decision.verdict}: ${plain(summary?.detail ?? decision.reasons[0]?.detail)}`,
      );
    const isHeld = instances.instances.some(
      ({ slug, holds }) => slug === decision.instance && holds.length > 0,
    );
    if (bucket === 'rolledBack' && !isHeld)
      problems.push(`${decision.instance} was rolled back and is not held`);
    const expected =
      bucket === 'upgraded' ? (run?.toVersion ?? null) : (run?.fromVersion ?? decision.fromVersion);
    const asked = await askSite(world, decision.instance, expected);
    problems.push(...asked.problems);
    outcomes.push({
      site: decision.instance,
      bucket,
      serves: asked.serves,
      why: plain(bucket === 'rolledBack' ? run?.detail : reasonsInTheWay(decision.reasons)[0]?.detail),
      downtime: run === null ? null : downtimeOf(run),
      failedRequests: 0,
      requests: 0,
    });
  }
  const verdicts = judgeRequests(requests, journal);
  const judged = outcomes.map((outcome) => {
    const verdict = verdicts.get(outcome.site);
    if (verdict === undefined) return outcome;
    problems.push(...verdict.problems);
    return { ...outcome, failedRequests: verdict.failed, requests: verdict.total };
  });
  return {
    upgraded: count(judged, 'upgraded'),
    rolledBack: count(judged, 'rolledBack'),
    held: count(judged, 'held'),
    upToDate: count(judged, 'upToDate'),
    downtimeSeconds: record(judged, ({ downtime }) => downtime?.maintenanceSeconds),
    stepSeconds: record(judged, ({ downtime }) => downtime?.stepSeconds),
    failedRequests: record(judged, ({ failedRequests }) => failedRequests),
    sites: judged,
    problems,
  };
}

export function showSummary(summary: NightSummary): readonly string[] {
  const rows = summary.sites.map((site) => [
    site.site,
    site.bucket === null ? tone('fail', '✗ not as it should be') : WORDS[site.bucket],
    site.serves ?? '–',
    site.downtime === null ? '' : duration(site.downtime.maintenanceSeconds * 1000),
    site.downtime === null ? '' : duration(site.downtime.stepSeconds * 1000),
    `${site.failedRequests} of ${site.requests}`,
    site.why.length > WHY_CHARS ? `${site.why.slice(0, WHY_CHARS - 1)}…` : site.why,
  ]);
  const { upgraded, rolledBack, held, upToDate, problems } = summary;
  return [
    '',
    ...table(['SITE', 'OUTCOME', 'SERVES', 'PAGE UP', 'ITS STEPS', 'FAILED REQUESTS', 'WHY'], rows).split(
      '\n',
    ),
    '',
    `${upgraded} upgraded, ${rolledBack} rolled back, ${held} held, ${upToDate} up to date.`,
    ...(problems.length === 0
      ? [tone('ok', 'Every site serves what it should, with the content that it had.')]
      : problems.map((problem) => tone('fail', `Not as it should be: ${problem}`))),
  ];
}
