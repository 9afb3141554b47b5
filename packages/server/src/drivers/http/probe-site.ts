/**
 * Looks at a site the way its users do: healthy, of the expected version, and able to be written to. All three, because a
 * site whose database was migrated by another version can be healthy, signed in to and readable, and refuse every write.
 * Every assertion that fails is told, not only the first.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { SiteObservation } from '@sitelift/domain/run/events.ts';
import type { LogSink } from '../driver.ts';
import type { HttpConfig, HttpRequest } from './config.ts';
import { type Answer, type HttpSession, type PlainRequest } from './http-session.ts';
import { judgeAnswer, parseBody, valueAt } from './judge-answer.ts';

const PAUSE_MS = 250;
/** What was written is taken away even after the attempt was told to stop; but not for ever. */
const CLEAN_UP_LIMIT_MS = 5_000;
const MAX_LOGGED = 300;

export interface Look {
  readonly path: string;
  readonly status: number;
  readonly json: HttpConfig['write'][number]['json'];
}

export interface ProbeTools {
  readonly session: HttpSession;
  readonly signal: AbortSignal;
  readonly log: LogSink;
  readonly monotonicMs: () => number;
}

function statusesOf({ expectStatus }: HttpRequest): readonly number[] | null {
  if (expectStatus === undefined) return null;
  return typeof expectStatus === 'number' ? [expectStatus] : expectStatus;
}

async function attempt(
  tools: ProbeTools,
  request: PlainRequest,
  judge: (name: string, answer: Answer) => readonly string[],
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const name = `${request.method} ${request.path}`;
  try {
    const answer = await tools.session.send(request, signal);
    const problems = judge(name, answer);
    if (problems.length > 0 && answer.text !== '') tools.log.line('out', answer.text.slice(0, MAX_LOGGED));
    return problems;
  } catch (error) {
    return [`${name}: ${error instanceof Error ? error.message : String(error)}`];
  }
}

function ask(tools: ProbeTools, request: HttpRequest, signal?: AbortSignal): Promise<readonly string[]> {
  return attempt(
    tools,
    request,
    (name, answer) => judgeAnswer(name, answer, statusesOf(request), request.json ?? {}),
    signal,
  );
}

/** Asks again until the answer is right or the time is up: an application that is still starting has not failed. */
export async function lookUntil(tools: ProbeTools, look: Look, withinMs: number): Promise<readonly string[]> {
  const beganAt = tools.monotonicMs();
  let last = '';
  for (;;) {
    const problems = await attempt(tools, { method: 'GET', path: look.path }, (name, answer) =>
      judgeAnswer(name, answer, [look.status], look.json ?? {}),
    );
    if (problems.length === 0 || tools.signal.aborted) return problems;
    const now = problems.join('; ');
    if (now !== last) tools.log.line('note', now);
    last = now;
    if (tools.monotonicMs() - beganAt >= withinMs) return problems;
    await pause(PAUSE_MS, undefined, { signal: tools.signal }).catch(() => {});
  }
}

async function readVersion(
  tools: ProbeTools,
  version: NonNullable<HttpConfig['version']>,
): Promise<{ readonly version: string } | { readonly problems: readonly string[] }> {
  let found: unknown;
  const problems = await attempt(tools, { method: 'GET', path: version.path }, (name, answer) => {
    const refused = judgeAnswer(name, answer, null, {});
    if (refused.length > 0) return refused;
    const body = parseBody(answer);
    if ('problem' in body) return [`${name} ${body.problem}`];
    found = valueAt(body.value, version.pointer);
    return typeof found === 'string' && found !== ''
      ? []
      : [`${name} names no version at ${version.pointer}`];
  });
  return typeof found === 'string' && problems.length === 0 ? { version: found } : { problems };
}

async function checkWrite(tools: ProbeTools, config: HttpConfig): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const request of config.write) {
    problems.push(...(await ask(tools, request)));
    if (problems.length > 0) break;
  }
  const signal = tools.signal.aborted ? AbortSignal.timeout(CLEAN_UP_LIMIT_MS) : tools.signal;
  for (const request of config.cleanUp) {
    const left = await ask(tools, request, signal);
    // After a write that was refused there may be nothing to take away.
    if (problems.length === 0) problems.push(...left);
    else for (const text of left) tools.log.line('note', `cleaning up: ${text}`);
  }
  return problems;
}

export interface SiteExpectation {
  /** Null: whatever it is, it is only told. */
  readonly version: string | null;
  readonly write: boolean;
  readonly withinMs: number;
}

/** `observed.problem` holds every reason, or null. */
export async function probeSite(
  tools: ProbeTools,
  config: HttpConfig,
  health: Look,
  expected: SiteExpectation,
): Promise<{ readonly observed: SiteObservation; readonly problems: readonly string[] }> {
  const unhealthy = await lookUntil(tools, health, expected.withinMs);
  if (unhealthy.length > 0) {
    const problem = unhealthy.join('; ');
    return { observed: { version: null, healthy: false, writeOk: null, problem }, problems: unhealthy };
  }
  const problems: string[] = [];
  const refused = config.signIn === undefined ? [] : await ask(tools, config.signIn);
  problems.push(...refused);
  const signedIn = refused.length === 0;

  let version: string | null = null;
  if (config.version !== undefined && (signedIn || !config.version.auth)) {
    const read = await readVersion(tools, config.version);
    if ('version' in read) version = read.version;
    else problems.push(...read.problems);
  }
  if (expected.version !== null && version !== null && version !== expected.version)
    problems.push(`it reports version ${version}, expected ${expected.version}`);
  if (expected.version !== null && config.version === undefined)
    problems.push(
      `nobody can tell whether it is version ${expected.version}: the settings have no "version"`,
    );

  let writeOk: boolean | null = null;
  if (expected.write && config.write.length > 0 && signedIn && !tools.signal.aborted) {
    const unwritable = await checkWrite(tools, config);
    writeOk = unwritable.length === 0;
    problems.push(...unwritable);
  }
  const problem = problems.length === 0 ? null : problems.join('; ');
  return { observed: { version, healthy: true, writeOk, problem }, problems };
}
