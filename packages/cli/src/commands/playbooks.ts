/** `playbook check` and `show`: on files, without a server. */
import { readFile } from 'node:fs/promises';
import { ACTION_CATALOGUE } from '@sitelift/playbook/action-catalogue.ts';
import { checkPlaybook } from '@sitelift/playbook/check-playbook.ts';
import { explainPlaybook } from '@sitelift/playbook/explain-playbook.ts';
import { parsePlaybook } from '@sitelift/playbook/parse-playbook.ts';
import type { Playbook } from '@sitelift/playbook/playbook.ts';
import { formatSourceError, sortSourceErrors, type SourceError } from '@sitelift/playbook/source-error.ts';
import type { Command } from 'commander';
import { CommandFailure, print, type CommandContext } from '../command-context.ts';

async function readPlaybooks(
  paths: readonly string[],
): Promise<{ playbooks: Playbook[]; errors: SourceError[] }> {
  const playbooks: Playbook[] = [];
  const errors: SourceError[] = [];
  for (const path of paths) {
    const bytes = await readFile(path).catch(() => null);
    if (bytes === null) throw new CommandFailure(`cannot read ${path}`);
    const parsed = parsePlaybook(bytes, path);
    if ('errors' in parsed) errors.push(...parsed.errors);
    else playbooks.push(parsed.playbook);
  }
  // A recovery that a playbook names is looked up among the files given; a single file is checked by itself.
  const others = paths.length > 1 ? { others: new Map(playbooks.map((each) => [each.name, each])) } : {};
  for (const playbook of playbooks) errors.push(...checkPlaybook(playbook, ACTION_CATALOGUE, others));
  return { playbooks, errors: sortSourceErrors(errors) };
}

export function addPlaybookCommands(program: Command, context: CommandContext): void {
  const playbook = program.command('playbook').description('playbooks, as files');
  playbook
    .command('check')
    .description('every error at once, with file, line, column and what was expected')
    .argument('<file...>')
    .action(async (paths: string[]) => {
      const { playbooks, errors } = await readPlaybooks(paths);
      if (errors.length > 0) {
        if (context.json()) context.terminal.out(JSON.stringify({ errors }));
        else for (const error of errors) context.terminal.err(formatSourceError(error));
        throw new CommandFailure(`${errors.length} error(s)`);
      }
      print(
        context,
        { checked: playbooks.map(({ name }) => name) },
        ({ checked }) => `${checked.join(', ')}: no errors`,
      );
    });
  playbook
    .command('show')
    .description('what a playbook does, step by step')
    .argument('<file>')
    .action(async (path: string) => {
      const parsed = parsePlaybook(await readFile(path), path);
      if ('errors' in parsed) throw new CommandFailure(parsed.errors.map(formatSourceError).join('\n'));
      const { name, title, recover, steps } = parsed.playbook;
      print(context, { name, title, recover, steps }, () =>
        explainPlaybook(parsed.playbook, ACTION_CATALOGUE).trimEnd(),
      );
    });
}
