/**
 * Closes, opens and switches a site behind HAProxy without a reload and without losing a request: the map file first (what a
 * restart brings back), then the running map (what users get now), then a look from outside. Each is repeatable; when the
 * three disagree it is told, and doing it again repairs it.
 *
 * What it never does: change the file while HAProxy cannot be reached, or call something done that users do not see.
 */
import { LOOKS } from '@sitelift/domain/run/plan.ts';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import {
  defineAction,
  type Action,
  type ActionFlags,
  type Driver,
  type ObserveResult,
  type Outcome,
} from '../driver.ts';
import { haproxyConfigSchema, type HaproxyConfig } from './config.ts';
import { withFileLock } from './file-lock.ts';
import { OlderFence, writeMapFile } from './map-file.ts';
import {
  askProxy,
  ProxyRefused,
  ProxyUnreachable,
  readRuntimeMap,
  writeRuntimeMap,
} from './runtime-socket.ts';
import { factsOf, hostOf, viewSite, type ProxyContext, type SiteView } from './site-view.ts';

const CHANGES: ActionFlags = { ...LOOKS, mutates: true };
const RETRY_AFTER_MS = 5_000;
/** The running map counts from the next request on; this is for HAProxy's threads to agree. */
const SEEN_WITHIN_MS = 2_000;
const LOOK_EVERY_MS = 50;
const CLOSED = '1';

const noInput = z.strictObject({});
const switchInput = z.strictObject({ to: z.enum(['live', 'staging']).default('staging') });
type SwitchInput = z.infer<typeof switchInput>;

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Writes one key in file and running map; a view that is right in the end, or an outcome that says what is not. */
async function change(
  context: ProxyContext,
  map: string,
  value: string | null,
  differs: (view: SiteView) => string | null,
): Promise<Outcome> {
  const { config, signal, fence, monotonicMs } = context;
  let written = false;
  try {
    const host = hostOf(context);
    // Before the file: a proxy that is not there, or does not know this map, must not be surprised at its next start.
    await readRuntimeMap(config.socket, map, signal);
    await withFileLock(map, signal, async () => {
      await writeMapFile(map, host, value, fence);
      written = true;
      await writeRuntimeMap(config.socket, map, host, value, signal);
    });
  } catch (error) {
    if (written)
      return {
        kind: 'unknown',
        reason: `the map file is written, the running map may not be: ${message(error)}`,
      };
    if (error instanceof ProxyUnreachable)
      return { kind: 'retry-later', reason: error.message, afterMs: RETRY_AFTER_MS };
    if (error instanceof OlderFence || error instanceof ProxyRefused)
      return { kind: 'failed', reason: error.message };
    return { kind: 'failed', reason: `nothing was changed: ${message(error)}` };
  }
  const beganAt = monotonicMs();
  for (;;) {
    const wrong = await viewSite(context).then(differs, message);
    if (wrong === null) return { kind: 'done' };
    if (signal.aborted || monotonicMs() - beganAt > SEEN_WITHIN_MS)
      return { kind: 'unknown', reason: `both maps are written, but ${wrong}` };
    await pause(LOOK_EVERY_MS);
  }
}

async function observe(
  context: ProxyContext,
  judge: (view: SiteView) => ObserveResult,
): Promise<ObserveResult> {
  try {
    return judge(await viewSite(context));
  } catch (error) {
    return { state: 'cannot-tell', reason: message(error) };
  }
}

/** Why the site is not wholly closed (or open), or null. */
function closureDiffers({ closed }: SiteView, wanted: boolean): string | null {
  const word = (value: boolean): string => (value ? 'closed' : 'open');
  if (closed.file === wanted && closed.running === wanted && closed.outside === wanted) return null;
  return `the map file says ${word(closed.file)}, the running map ${word(closed.running)}, and users find the site ${word(closed.outside)}`;
}

function closure(wanted: boolean): Action<HaproxyConfig, Record<string, never>> {
  return {
    inputSchema: noInput,
    capabilities: ['network', 'files'],
    flags: { ...CHANGES, closesSite: wanted, opensSite: !wanted },
    describe: (config) =>
      wanted
        ? `puts the maintenance page up (${config.maintMap})`
        : `takes the maintenance page down (${config.maintMap})`,
    observe: (context) =>
      observe(context, (view) => {
        const facts = factsOf(view);
        const differs = closureDiffers(view, wanted);
        if (differs === null) return { state: 'applied', facts };
        // Users may have been let in: "not applied" would be taken for proof that they were not.
        if (!wanted && !view.closed.outside) return { state: 'cannot-tell', reason: differs };
        return { state: 'not-applied', facts, differs };
      }),
    apply: (context) =>
      change(context, context.config.maintMap, wanted ? CLOSED : null, (view) =>
        closureDiffers(view, wanted),
      ),
  };
}

/** The backend that is meant; with one slot there is only one. */
function backendMeant({
  config,
  input,
  target,
}: ProxyContext<SwitchInput>): { readonly backend: string } | { readonly problem: string } {
  const [first, ...more] = Object.entries(config.backends);
  if (first !== undefined && more.length === 0) return { backend: first[1] };
  const slot = target.slots?.[input.to];
  if (slot === undefined) return { problem: `nobody has told which slot is ${input.to}` };
  const backend = config.backends[slot];
  return backend === undefined ? { problem: `the settings have no backend for slot ${slot}` } : { backend };
}

function backendDiffers({ backend }: SiteView, wanted: string): string | null {
  const { file, running, outside } = backend;
  if (file === wanted && running === wanted && (outside === null || outside === wanted)) return null;
  const seen = outside === null ? '' : `, and ${outside} answers`;
  return `the map file says ${file ?? 'nothing'}, the running map ${running ?? 'nothing'}${seen}; wanted is ${wanted}`;
}

const switchTraffic: Action<HaproxyConfig, SwitchInput> = {
  inputSchema: switchInput,
  capabilities: ['network', 'files'],
  flags: { ...CHANGES, switchesTraffic: true },
  describe: (config, { to }) => `sends all requests to the ${to} slot (${config.backendMap})`,
  observe: (context) => {
    const meant = backendMeant(context);
    if ('problem' in meant) return Promise.resolve({ state: 'cannot-tell', reason: meant.problem });
    return observe(context, (view) => {
      const facts = factsOf(view);
      const differs = backendDiffers(view, meant.backend);
      return differs === null ? { state: 'applied', facts } : { state: 'not-applied', facts, differs };
    });
  },
  apply: async (context) => {
    const meant = backendMeant(context);
    if ('problem' in meant) return { kind: 'failed', reason: meant.problem };
    try {
      // A map may name a backend that is not there; HAProxy would answer 503 to everybody.
      const known = await askProxy(context.config.socket, 'show backend', context.signal);
      if (!known.split('\n').includes(meant.backend))
        return { kind: 'failed', reason: `HAProxy has no backend ${meant.backend}: nothing was changed` };
    } catch (error) {
      return { kind: 'retry-later', reason: message(error), afterMs: RETRY_AFTER_MS };
    }
    return change(context, context.config.backendMap, meant.backend, (view) =>
      backendDiffers(view, meant.backend),
    );
  },
};

const probe: Action<HaproxyConfig, Record<string, never>> = {
  inputSchema: noInput,
  capabilities: ['network', 'files'],
  flags: { ...CHANGES, mutates: false },
  describe: (config) => `looks whether the site is open, through ${config.frontend}`,
  observe: (context) =>
    observe(context, (view) => ({
      state: 'not-applied',
      facts: factsOf(view),
      differs: 'a look is only ever made again',
    })),
  apply: async (context) => {
    let view: SiteView;
    try {
      view = await viewSite(context);
    } catch (error) {
      return { kind: 'failed', reason: message(error) };
    }
    const { closed, backend } = view;
    const differs =
      closureDiffers(view, closed.outside) ??
      (backend.file === backend.running ? null : backendDiffers(view, backend.running ?? ''));
    if (differs !== null) context.log.line('note', differs);
    const serving = backend.outside ?? backend.running;
    const slot = Object.entries(context.config.backends).find(([, name]) => name === serving)?.[0] ?? null;
    return { kind: 'done', output: { open: !closed.outside, slot, differs } };
  },
};

export const haproxyDriver: Driver<HaproxyConfig> = {
  kind: 'haproxy',
  title: 'HAProxy: maintenance page and switching by maps',
  configSchema: haproxyConfigSchema,
  secretFields: [],
  actions: {
    'proxy/close': defineAction(closure(true)),
    'proxy/open': defineAction(closure(false)),
    'proxy/switch': defineAction(switchTraffic),
    'proxy/probe': defineAction(probe),
  },
};
