/**
 * Asks applications over HTTP: `app/probe` (health, version, write check) and `check/http` (one look). Nothing of the site
 * changes but the record that the write check makes and takes away again.
 */
import { LOOKS } from '@sitelift/domain/run/plan.ts';
import { z } from 'zod';
import { durationSchema } from '../config-words.ts';
import { defineAction, type Action, type ActionContext, type Driver } from '../driver.ts';
import { httpConfigSchema, lookSchema, type HttpConfig } from './config.ts';
import { openHttpSession } from './http-session.ts';
import { lookUntil, probeSite, type ProbeTools } from './probe-site.ts';

const slotSchema = z.enum(['live', 'staging']);

const probeInput = z.strictObject({
  slot: slotSchema.default('live'),
  /** Without it the version is told and held against nothing. */
  expect: z.enum(['to', 'from']).optional(),
  /** False leaves the write check out: for looks outside any run. */
  write: z.boolean().default(true),
  /** In place of the settings' own. */
  within: durationSchema.optional(),
});
type ProbeInput = z.infer<typeof probeInput>;

const checkInput = lookSchema.extend({
  slot: slotSchema.default('live'),
  within: durationSchema.prefault('0s'),
});
type CheckInput = z.infer<typeof checkInput>;

type Context = ActionContext<HttpConfig, { readonly slot: 'live' | 'staging' }>;

/** Where the slot that is meant answers; a sentence when the settings do not say. */
function addressOf({
  config,
  input,
  target,
}: Context): { readonly url: string } | { readonly problem: string } {
  const { slots } = config;
  if (slots === undefined) return { url: config.url ?? target.instance.url };
  const names = Object.keys(slots);
  const name = target.slots?.[input.slot] ?? (names.length === 1 ? names[0] : undefined);
  if (name === undefined) return { problem: `nobody has told which of ${names.join(', ')} is ${input.slot}` };
  const url = slots[name];
  return url === undefined ? { problem: `the settings have no address for slot ${name}` } : { url };
}

/** Ours and of this look alone: the tail of the run's id, the step, the attempt, the time. */
function uniqueId({ runId, stepId, attempt, nowMs }: Context): string {
  const tail = runId.slice(-12);
  const step = stepId.slice(0, 24);
  const text = `sitelift-${tail}-${step}-${attempt}-${Math.floor(nowMs()).toString(36)}`;
  return text.toLowerCase().replaceAll(/[^a-z0-9-]/g, '-');
}

function toolsFor(context: Context, baseUrl: string): ProbeTools {
  const { config, signal, secret, log, monotonicMs } = context;
  const session = openHttpSession({
    baseUrl,
    headers: config.headers,
    requestTimeoutMs: config.requestTimeout,
    signal,
    secret,
    unique: uniqueId(context),
  });
  return { session, signal, log, monotonicMs };
}

const leavesNothing = async () =>
  ({
    state: 'not-applied',
    facts: {},
    differs: 'a look leaves nothing behind; it is only ever made again',
  }) as const;

const probe: Action<HttpConfig, ProbeInput> = {
  inputSchema: probeInput,
  capabilities: ['network', 'secrets'],
  flags: LOOKS,
  describe: (_config, { slot, expect }) =>
    `asks the ${slot} slot whether it is healthy, can be written to${expect === undefined ? '' : ` and is the "${expect}" version`}`,
  observe: leavesNothing,
  apply: async (context) => {
    const { config, input, target } = context;
    const blind = (problem: string) =>
      ({
        kind: 'failed',
        reason: problem,
        observed: { version: null, healthy: false, writeOk: null, problem },
      }) as const;
    const address = addressOf(context);
    if ('problem' in address) return blind(address.problem);
    if (config.health === undefined) return blind('the settings have no "health"');
    const { observed, problems } = await probeSite(toolsFor(context, address.url), config, config.health, {
      version: input.expect === undefined ? null : target[input.expect].version,
      write: input.write,
      withinMs: input.within ?? config.within,
    });
    if (problems.length > 0) return { kind: 'failed', reason: problems.join('; '), observed };
    const { version, healthy, writeOk } = observed;
    return { kind: 'done', observed, output: { version, healthy, writeOk } };
  },
};

const check: Action<HttpConfig, CheckInput> = {
  inputSchema: checkInput,
  capabilities: ['network', 'secrets'],
  flags: LOOKS,
  describe: (_config, { path, status }) => `asks ${path} and expects ${status}`,
  observe: leavesNothing,
  apply: async (context) => {
    const address = addressOf(context);
    if ('problem' in address) return { kind: 'failed', reason: address.problem };
    const problems = await lookUntil(toolsFor(context, address.url), context.input, context.input.within);
    return problems.length === 0 ? { kind: 'done' } : { kind: 'failed', reason: problems.join('; ') };
  },
};

export const httpDriver: Driver<HttpConfig> = {
  kind: 'http',
  title: 'HTTP: health, version and write check',
  configSchema: httpConfigSchema,
  secretFields: ['**.secret'],
  actions: { 'app/probe': defineAction(probe), 'check/http': defineAction(check) },
  lacks: (config, action) =>
    action === 'app/probe' && config.health === undefined ? 'it needs "health" in its settings' : null,
};
