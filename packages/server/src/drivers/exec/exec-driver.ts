/**
 * The vendor's own scripts, unmodified, as actions (C104). A script says with its exit code how it went; what it did is
 * unknown to us, so nothing good is assumed: killed or out of time is `unknown`, and without an `observe` command only what
 * the catalogue calls idempotent may be done again without a person.
 */
import { z } from 'zod';
import type { BackupRecord, SiteObservation } from '@sitelift/domain/run/events.ts';
import {
  defineAction,
  type Action,
  type ActionFlags,
  type Driver,
  type JsonObject,
  type ObserveResult,
  type Outcome,
} from '../driver.ts';
import { execConfigSchema, type ExecConfig } from './config.ts';
import { runScript, type ScriptEnd } from './run-script.ts';
import { versionMeant, type ExecContext } from './script-environment.ts';

/** EX_TEMPFAIL of sysexits.h: "not now, try again". */
const TEMPORARY = 75;
const RETRY_AFTER_MS = 30_000;
const NOT_APPLIED = 1;
/** `observe`: some of it was done, and `run` goes on from there. */
const PARTLY = 3;

const inputSchema = z.record(z.string(), z.json());

const observedSchema = z.object({
  version: z.string().nullable().default(null),
  healthy: z.boolean().default(true),
  writeOk: z.boolean().nullable().default(null),
  problem: z.string().nullable().default(null),
});

/** `exec/run` may name one of several commands; every other action has the one of its verb. */
function commandName(action: string, input: JsonObject): string {
  const named = action === 'exec/run' ? input['command'] : undefined;
  return typeof named === 'string' ? named : (action.split('/')[1] ?? action);
}

/** What a probe saw: the script's own words, or at least whether it was content. */
function observedOf(action: string, output: JsonObject, problem: string | null): SiteObservation | undefined {
  if (action !== 'app/probe') return undefined;
  const parsed = observedSchema.safeParse(output['observed'] ?? {});
  const seen = parsed.success ? parsed.data : { version: null, healthy: false, writeOk: null, problem: null };
  if (!parsed.success) return { ...seen, problem: '"observed" in SITELIFT_OUTPUT is malformed' };
  return problem === null ? seen : { ...seen, healthy: false, problem: seen.problem ?? problem };
}

/** A backup by script: its bytes are its word; a proof by script is the script's word. */
function backupOf(
  action: string,
  context: ExecContext,
  begunAt: number,
  output: JsonObject,
): BackupRecord | undefined {
  const bytes = typeof output['bytes'] === 'number' ? output['bytes'] : 0;
  if (action === 'database/backup' || action === 'files/backup')
    return { backupId: context.newBackupId(), grade: 'written', begunAt, bytes };
  if (action !== 'database/prove' || context.target.backup === null) return undefined;
  const { backupId, begunAt: since, bytes: size } = context.target.backup;
  return { backupId, grade: 'restored', begunAt: since, bytes: size };
}

function failed(reason: string, observed: SiteObservation | undefined): Outcome {
  return { kind: 'failed', reason, ...(observed === undefined ? {} : { observed }) };
}

function doneOutcome(action: string, context: ExecContext, begunAt: number, output: JsonObject): Outcome {
  const observed = observedOf(action, output, null);
  const backup = backupOf(action, context, begunAt, output);
  if (observed !== undefined) {
    if (observed.problem !== null) return failed(observed.problem, observed);
    const expected = versionMeant(context);
    if (expected !== '' && observed.version !== expected) {
      const problem = `it reports version ${observed.version ?? 'unknown'}, expected ${expected}`;
      return failed(problem, { ...observed, problem });
    }
  }
  return {
    kind: 'done',
    output,
    ...(observed === undefined ? {} : { observed }),
    ...(backup === undefined ? {} : { backup }),
  };
}

function outcomeOf(
  action: string,
  name: string,
  context: ExecContext,
  begunAt: number,
  result: ScriptEnd,
): Outcome {
  const { end, output } = result;
  const told = typeof output === 'string' ? {} : output;
  const why = result.said === '' ? '' : `: ${result.said}`;
  const fail = (reason: string): Outcome => failed(reason, observedOf(action, told, reason));
  switch (end.kind) {
    case 'not-started':
      return fail(`"${name}" was not started: ${end.reason}`);
    case 'stopped':
      return {
        kind: 'unknown',
        reason:
          end.why === 'time-limit' ? `"${name}" was ended at its time limit` : `"${name}" was ended by us`,
      };
    case 'signalled':
      return { kind: 'unknown', reason: `"${name}" was killed by ${end.signal}` };
    case 'exited':
      if (end.code === TEMPORARY)
        return {
          kind: 'retry-later',
          reason: `"${name}" asks to be run later${why}`,
          afterMs: RETRY_AFTER_MS,
        };
      if (end.code !== 0) return fail(`"${name}" ended with exit code ${end.code}${why}`);
      if (typeof output === 'string') return fail(`"${name}" ended with exit code 0, but ${output}`);
      return doneOutcome(action, context, begunAt, output);
    default:
      return end satisfies never;
  }
}

function observeResult(action: string, name: string, { end, output, said }: ScriptEnd): ObserveResult {
  if (end.kind !== 'exited') {
    const reason =
      'reason' in end ? end.reason : 'why' in end ? `ended: ${end.why}` : `killed by ${end.signal}`;
    return { state: 'cannot-tell', reason: `observing "${name}": ${reason}` };
  }
  const facts = typeof output === 'string' ? {} : output;
  if (end.code === NOT_APPLIED)
    return { state: 'not-applied', facts, differs: `"${name}" says that it is not applied` };
  if (end.code === PARTLY)
    return {
      state: 'not-applied',
      facts,
      differs: `"${name}" says that it is partly applied and can go on`,
      partly: true,
    };
  if (end.code !== 0)
    return {
      state: 'cannot-tell',
      reason: `observing "${name}" ended with exit code ${end.code}${said === '' ? '' : `: ${said}`}`,
    };
  if (typeof output === 'string') return { state: 'cannot-tell', reason: output };
  const observed = observedOf(action, output, null);
  return { state: 'applied', facts, output, ...(observed === undefined ? {} : { observed }) };
}

function execAction(action: string, flags: ActionFlags): Action<ExecConfig, JsonObject> {
  return {
    inputSchema,
    capabilities: ['process', 'files', 'secrets', 'network'],
    flags,
    describe: (config, input) => {
      const name = commandName(action, input);
      return `runs ${config.commands[name]?.run.join(' ') ?? `the missing command "${name}"`}`;
    },
    observe: async (context) => {
      const name = commandName(action, context.input);
      const observe = context.config.commands[name]?.observe;
      if (observe !== undefined)
        return observeResult(action, name, await runScript(context, action, observe));
      if (flags.idempotent)
        return { state: 'not-applied', facts: {}, differs: `"${name}" has no observe command; running it again does no harm` }; // prettier-ignore
      return { state: 'cannot-tell', reason: `"${name}" has no observe command` };
    },
    apply: async (context) => {
      const name = commandName(action, context.input);
      const command = context.config.commands[name];
      if (command === undefined) return { kind: 'failed', reason: `there is no command "${name}"` };
      const begunAt = context.nowMs();
      return outcomeOf(action, name, context, begunAt, await runScript(context, action, command.run));
    },
  };
}

export const execDriver: Driver<ExecConfig> = {
  kind: 'exec',
  title: "The vendor's own scripts",
  configSchema: execConfigSchema,
  secretFields: ['secrets.*'],
  actions: {},
  anyAction: (name, flags) => defineAction(execAction(name, flags)),
  lacks: (config, action) => {
    if (action === 'exec/run') return null;
    const name = commandName(action, {});
    return name in config.commands ? null : `it has no command "${name}"`;
  },
};
