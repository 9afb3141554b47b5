/** What every command gets: a client, a place to print, and the global options. */
import type { Client } from '@sitelift/contract/client.ts';
import type { CliEnvironment } from './connection.ts';
import type { Terminal } from './terminal.ts';

export interface CommandContext {
  readonly client: () => Promise<Client>;
  readonly terminal: Terminal;
  readonly environment: CliEnvironment;
  /** `--json`: print exactly one JSON document on standard output. */
  readonly json: () => boolean;
  readonly url: () => string | undefined;
  /** Fires at Ctrl-C, for commands that watch. */
  readonly signal: AbortSignal;
}

/** Exit codes, in `sitelift --help`. */
export const EXIT = {
  done: 0,
  /** The server or a rule refused, or something failed. */
  refused: 1,
  /** `--dry-run` found something that would change. */
  differs: 2,
  /** No server answered. */
  unreachable: 3,
  /** The command line itself is wrong. */
  usage: 64,
} as const;

/** Ends a command with one readable line and an exit code. */
export class CommandFailure extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode: number = EXIT.refused) {
    super(message);
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
  }
}

/** Prints `value` as the one JSON document, or what `show` makes of it for people. */
export function print<T>(context: CommandContext, value: T, show: (value: T) => string): void {
  context.terminal.out(context.json() ? JSON.stringify(value) : show(value));
}

/** A change needs its reason; looking at what it would do needs none. */
export function reasonOf(options: { readonly reason?: string; readonly dryRun?: boolean }): string {
  if (options.reason !== undefined) return options.reason;
  if (options.dryRun === true) return 'a dry run';
  throw new CommandFailure('say why: --reason <text> (only a --dry-run needs none)', EXIT.usage);
}
