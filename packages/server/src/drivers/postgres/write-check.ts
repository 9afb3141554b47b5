/**
 * The application's own write check on a restored copy. Rows that came back are not yet a site that works: only the
 * application knows whether it can write to what was restored.
 */
import { isAbsolute, resolve } from 'node:path';
import { durationMs } from './config.ts';
import type { PostgresContext, Server } from './open-server.ts';
import { runTool } from './run-tool.ts';
import { messageOf, StepFailure } from './step-failure.ts';

/** What every script of the vendor's is told, besides its own settings. */
function scriptEnvironment(context: PostgresContext, action: string): Record<string, string> {
  const { target } = context;
  const { instance, slots } = target;
  const worker = Object.entries({
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    LANG: process.env['LANG'],
  });
  return {
    ...Object.fromEntries(worker.filter((entry): entry is [string, string] => entry[1] !== undefined)),
    SITELIFT_INSTANCE: instance.slug,
    SITELIFT_CUSTOMER: target.customer.slug,
    SITELIFT_ROLE: instance.role,
    SITELIFT_URL: instance.url,
    SITELIFT_PRODUCT: target.product,
    SITELIFT_ACTION: action,
    SITELIFT_RUN: context.runId,
    SITELIFT_STEP: context.stepId,
    SITELIFT_ATTEMPT: String(context.attempt),
    SITELIFT_FENCE: String(context.fence),
    SITELIFT_FROM_VERSION: target.from.version,
    SITELIFT_TO_VERSION: target.to.version,
    SITELIFT_FROM_ARTEFACT: JSON.stringify(target.from.artefact),
    SITELIFT_TO_ARTEFACT: JSON.stringify(target.to.artefact),
    SITELIFT_SLOT_LIVE: slots?.live ?? '',
    SITELIFT_SLOT_STAGING: slots?.staging ?? '',
    SITELIFT_INPUT: JSON.stringify(context.input),
    SITELIFT_SETTINGS: JSON.stringify(instance.settings),
  };
}

/** True when a check is configured and passed, false when none is configured; a check that fails throws. */
export async function runWriteCheck(
  context: PostgresContext,
  server: Server,
  scratch: string,
): Promise<boolean> {
  const { writeCheck } = context.config;
  if (writeCheck === undefined) return false;
  const secrets: Record<string, string> = {};
  for (const [variable, name] of Object.entries(writeCheck.secrets)) {
    try {
      secrets[variable] = await context.secret(name);
    } catch (error) {
      throw new StepFailure(`secret ${name} cannot be opened: ${messageOf(error)}`, { cause: error });
    }
  }
  const [first, ...args] = writeCheck.run;
  const cwd = resolve(writeCheck.cwd ?? '.');
  // A path is meant from the check's own directory; a bare word is looked for in the PATH.
  const command = first.includes('/') && !isAbsolute(first) ? resolve(cwd, first) : first;
  const env = {
    ...scriptEnvironment(context, 'database/prove'),
    ...writeCheck.env,
    ...secrets,
    SITELIFT_SCRATCH_DATABASE_URL: server.url(scratch),
  };
  const limit = AbortSignal.timeout(durationMs(writeCheck.timeout));
  const end = await runTool(context, { argv: [command, ...args], cwd, env, signal: limit });
  if (end.ok) return true;
  const why = limit.aborted ? `it did not end within ${writeCheck.timeout}` : end.why;
  throw new StepFailure(`the write check failed on the restored copy: ${why}`);
}
