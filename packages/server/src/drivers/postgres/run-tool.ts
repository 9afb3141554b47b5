/**
 * Runs one of PostgreSQL's own tools, or the vendor's write check, as a process group (see `process-group.ts`) and keeps the
 * end of its error output, which is where such tools say what went wrong.
 */
import type { ActionContext } from '../driver.ts';
import { runProcessGroup, type GroupCommand } from '../process-group.ts';
import { StepFailure } from './step-failure.ts';

const TAIL_CHARS = 2_000;
/** The gate's shell says so when there is no such command. */
const NOT_FOUND = 127;

export type Tool = Pick<GroupCommand, 'argv' | 'env'> & {
  readonly cwd?: string;
  /** Ends the group, besides the attempt's own signal. */
  readonly signal?: AbortSignal;
};

export interface ToolEnd {
  /** True when it ended by itself with exit code 0. */
  readonly ok: boolean;
  /** There is no such command. */
  readonly missing: boolean;
  /** In one sentence: the last of its error output, or how it ended. */
  readonly why: string;
}

type Use = Pick<ActionContext, 'log' | 'signal' | 'processStarted'>;

export async function runTool(context: Use, tool: Tool): Promise<ToolEnd> {
  const { log, processStarted } = context;
  const signal = tool.signal === undefined ? context.signal : AbortSignal.any([context.signal, tool.signal]);
  let errors = '';
  const end = await runProcessGroup({
    argv: tool.argv,
    env: tool.env,
    cwd: tool.cwd ?? '/',
    signal,
    processStarted,
    log: {
      line: (stream, text) => {
        if (stream === 'err') errors = `${errors}${text}\n`.slice(-TAIL_CHARS);
        log.line(stream, text);
      },
    },
  });
  const said = errors.trim();
  const told = (how: string): string => (said === '' ? how : `${how}: ${said}`);
  switch (end.kind) {
    case 'exited':
      return { ok: end.code === 0, missing: end.code === NOT_FOUND, why: told(`it ended with ${end.code}`) };
    case 'signalled':
      return { ok: false, missing: false, why: told(`it was ended by ${end.signal}`) };
    case 'stopped':
      return { ok: false, missing: false, why: 'it was stopped' };
    case 'not-started':
      throw new StepFailure(`${tool.argv[0]} was not started: ${end.reason}`);
    default:
      return end satisfies never;
  }
}
