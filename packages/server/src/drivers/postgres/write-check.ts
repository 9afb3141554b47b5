/**
 * The application's own write check on a restored copy. Rows that came back are not yet a site that works: only the
 * application knows whether it can write to what was restored.
 */
import { isAbsolute, resolve } from 'node:path';
import { scriptEnvironment } from '../exec/script-environment.ts';
import { durationMs } from './config.ts';
import type { PostgresContext, Server } from './open-server.ts';
import { runTool } from './run-tool.ts';
import { messageOf, StepFailure } from './step-failure.ts';

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
  const env: Record<string, string> = {
    // What any script of the vendor's is told; a check has no output of its own.
    ...scriptEnvironment(
      { ...context, config: { env: writeCheck.env, secrets: {}, commands: {} }, input: {} },
      'database/prove',
      '',
    ),
    ...secrets,
    SITELIFT_SCRATCH_DATABASE_URL: server.url(scratch),
  };
  const limit = AbortSignal.timeout(durationMs(writeCheck.timeout));
  const end = await runTool(context, { argv: [command, ...args], cwd, env, signal: limit });
  if (end.ok) return true;
  const why = limit.aborted ? `it did not end within ${writeCheck.timeout}` : end.why;
  throw new StepFailure(`the write check failed on the restored copy: ${why}`);
}
