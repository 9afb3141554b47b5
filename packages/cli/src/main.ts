/**
 * `sitelift`: the command line over the HTTP contract, and nothing but the contract. One readable line for whatever goes
 * wrong, an exit code that scripts can tell apart, never a stack trace.
 */
import { ProblemResponse, Unreachable } from '@sitelift/contract/client.ts';
import { PROBLEMS } from '@sitelift/contract/problems.ts';
import { formatSourceError } from '@sitelift/playbook/source-error.ts';
import { Command, CommanderError } from 'commander';
import { CommandFailure, EXIT, type CommandContext } from './command-context.ts';
import { addAccessCommands } from './commands/access.ts';
import { addAccountCommands } from './commands/accounts.ts';
import { addCustomerCommand } from './commands/customers.ts';
import { addFleetCommands } from './commands/fleet.ts';
import { addLossCommand } from './commands/loss.ts';
import { addPlanCommands } from './commands/planning.ts';
import { addPlaybookCommands } from './commands/playbooks.ts';
import { addRecordCommands } from './commands/record.ts';
import { addReleaseCommands } from './commands/releases.ts';
import { addGateCommands } from './commands/gates.ts';
import { addRunCommands } from './commands/runs.ts';
import { addUpgradeCommand } from './commands/upgrades.ts';
import { connect, readCliEnvironment } from './connection.ts';
import { plain, processTerminal, tone, type Terminal } from './terminal.ts';

const EXIT_HELP = `
Exit codes: 0 done, 1 refused or failed, 2 a dry run found a difference, 3 no server answers, 64 wrong usage.
The server is found by --url or SITELIFT_URL, by \`sitelift login\`, or by the data directory of a server on this machine
(SITELIFT_DATA_DIR, ./data). A token is read from SITELIFT_TOKEN. \`sitelift serve\`, \`worker\` and \`start\` run the server.`;

export function buildProgram(context: Omit<CommandContext, 'json' | 'url'>): Command {
  const program = new Command('sitelift')
    .description('Upgrades the sites of vendors who host one instance of their software per customer.')
    .option('--json', 'print one JSON document instead of a table')
    .option('--url <origin>', 'origin of the server, e.g. http://127.0.0.1:7410')
    .addHelpText('after', EXIT_HELP)
    .showHelpAfterError('(sitelift --help lists the commands)')
    .configureHelp({ sortSubcommands: true, showGlobalOptions: false })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.terminal.out(text.trimEnd()),
      writeErr: (text) => context.terminal.err(text.trimEnd()),
    });
  const full: CommandContext = {
    ...context,
    json: () => program.opts<{ json?: boolean }>().json === true,
    url: () => program.opts<{ url?: string }>().url,
    client: () => connect(context.environment, program.opts<{ url?: string }>().url),
  };
  for (const add of [
    addFleetCommands, addPlanCommands, addUpgradeCommand, addRunCommands, addGateCommands, addReleaseCommands, addRecordCommands,
    addAccessCommands, addAccountCommands, addCustomerCommand, addPlaybookCommands, addLossCommand,
  ]) add(program, full); // prettier-ignore
  // Global options may stand anywhere: `sitelift plan --json` is what people type.
  for (const command of leavesOf(program)) {
    command
      .option('--json', 'print one JSON document instead of a table')
      .option('--url <origin>', 'origin of the server')
      .hook('preAction', (_, action) => {
        const { json, url } = action.opts<{ json?: boolean; url?: string }>();
        if (json !== undefined) program.setOptionValue('json', json);
        if (url !== undefined) program.setOptionValue('url', url);
      });
  }
  return program;
}

function leavesOf(command: Command): readonly Command[] {
  return command.commands.flatMap((each) => (each.commands.length === 0 ? [each] : leavesOf(each)));
}

function describe(error: unknown): { readonly lines: readonly string[]; readonly exitCode: number } {
  if (error instanceof CommandFailure) return { lines: [error.message], exitCode: error.exitCode };
  if (error instanceof Unreachable) {
    const hint = 'start one with `npm start` or `sitelift serve`, or name another with --url';
    return { lines: [`${error.message}: ${hint}`], exitCode: EXIT.unreachable };
  }
  if (error instanceof ProblemResponse) {
    const { problem, code } = error;
    const lines = [
      problem.detail === undefined ? problem.title : `${problem.title}: ${plain(problem.detail)}`,
    ];
    for (const reason of problem.reasons ?? []) lines.push(`  - ${plain(reason)}`);
    for (const each of problem.errors ?? []) lines.push(`  ${each.pointer}: ${plain(each.detail)}`);
    for (const each of problem.fileErrors ?? []) lines.push(formatSourceError(each));
    if (code !== null) lines.push(`  ${PROBLEMS[code].next}`);
    return { lines, exitCode: EXIT.refused };
  }
  return { lines: [error instanceof Error ? error.message : String(error)], exitCode: EXIT.refused };
}

/** Runs one command line (without `node` and the script) and returns its exit code. */
export async function runCli(
  args: readonly string[],
  terminal: Terminal = processTerminal(),
  env: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  const interrupt = new AbortController();
  const onSigint = (): void => interrupt.abort();
  process.once('SIGINT', onSigint);
  const environment = readCliEnvironment(env);
  let exitCode: number = EXIT.done;
  const program = buildProgram({
    terminal,
    environment,
    client: () => connect(environment, undefined),
    signal: interrupt.signal,
  });
  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (interrupt.signal.aborted) exitCode = EXIT.done;
    else if (error instanceof CommanderError) exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
    else {
      const told = describe(error);
      const [first = 'failed', ...rest] = told.lines;
      terminal.err(`${tone('fail', 'sitelift:')} ${first}`);
      for (const line of rest) terminal.err(line);
      exitCode = told.exitCode;
    }
  } finally {
    process.removeListener('SIGINT', onSigint);
  }
  return exitCode;
}
