/** `apply`, `instances`, `pin`, `unpin`, `holds`, `stop`: what the fleet is and what holds it back. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { routes } from '@sitelift/contract/routes.ts';
import type { ApplyResult, InstanceView, PreviewView } from '@sitelift/contract/views.ts';
import { parseFleet } from '@sitelift/playbook/parse-fleet.ts';
import { formatSourceError } from '@sitelift/playbook/source-error.ts';
import type { Command } from 'commander';
import { CommandFailure, EXIT, print, reasonOf, type CommandContext } from '../command-context.ts';
import { readShippedPlaybooks } from '../shipped-playbooks.ts';
import { plain, state, table, time, tone } from '../terminal.ts';

/** More than this in one directory is no fleet but a wrong path. */
const MAX_FILES = 20_000;

/** Every YAML file below `path` (or that file itself), in a stable order, with paths as a person would type them. */
async function readFleetFiles(path: string): Promise<{ path: string; text: string }[]> {
  const root = resolve(path);
  const found = await stat(root).catch(() => null);
  if (found === null) throw new CommandFailure(`there is no file or directory ${path}`);
  const names = found.isDirectory()
    ? (await readdir(root, { recursive: true })).filter((name) => /\.ya?ml$/.test(name)).sort()
    : [''];
  if (names.length === 0) throw new CommandFailure(`${path} holds no YAML file`);
  if (names.length > MAX_FILES)
    throw new CommandFailure(`${path} holds ${names.length} YAML files: is it the right one?`);
  return Promise.all(
    names.map(async (name) => {
      const full = join(root, name);
      return { path: relative(process.cwd(), full) || full, text: await readFile(full, 'utf8') };
    }),
  );
}

/** Longer values, and more fields of one thing, are told in full by `--json`. */
const VALUE_CHARS = 60;
const FIELDS_SHOWN = 8;

function shown(value: unknown): string {
  if (value === null || value === undefined) return '–';
  const text = plain(typeof value === 'string' ? value : JSON.stringify(value));
  return text.length <= VALUE_CHARS ? text : `${text.slice(0, VALUE_CHARS - 1)}…`;
}

function showFields(fields: ApplyResult['changes'][number]['fields']): readonly string[] {
  const lines = fields
    .slice(0, FIELDS_SHOWN)
    .map(({ field, before, after }) => `    ${field}: ${shown(before)} → ${shown(after)}`);
  const more = fields.length - FIELDS_SHOWN;
  return more > 0 ? [...lines, tone('idle', `    and ${more} more; --json lists them`)] : lines;
}

function showApply(result: ApplyResult): string {
  const marks = {
    create: tone('ok', '+'),
    update: tone('wait', '~'),
    remove: tone('fail', '-'),
    keep: tone('idle', '='),
  };
  const lines = result.changes.flatMap(({ object, slug, change, fields, note }) => [
    `${marks[change]} ${object} ${slug}${note === null ? '' : tone('idle', `  ${plain(note)}`)}`,
    ...(change === 'update' ? showFields(fields) : []),
  ]);
  const count = (change: string) => result.changes.filter((each) => each.change === change).length;
  const total = count('create') + count('update') + count('remove');
  const counts = `${count('create')} created, ${count('update')} updated, ${count('remove')} removed`;
  if (total === 0) lines.push('The fleet is what the files say: nothing to change.');
  else lines.push(result.dryRun ? `It would be ${counts}. Nothing was changed.` : `${counts}.`);
  for (const warning of result.warnings)
    lines.push(tone('wait', `warning: ${plain(formatSourceError(warning))}`));
  return lines.join('\n');
}

function target(instance: InstanceView): string {
  if (instance.pin !== null) return `${instance.pin.version} (pinned)`;
  return instance.target.kind === 'channel' ? instance.target.channel : instance.target.version;
}

function showInstances(instances: readonly InstanceView[]): string {
  if (instances.length === 0)
    return 'The fleet is empty. `sitelift apply -f <directory>` brings one in; docs/fleet-files.md says how it looks.';
  return table(
    ['INSTANCE', 'CUSTOMER', 'ROLE', 'RUNS', 'TARGET', 'SEEN', 'NOTE'],
    instances.map((instance) => [
      instance.slug,
      instance.customer.slug,
      instance.role,
      instance.observed.version ?? '–',
      target(instance),
      instance.observed.at === null ? 'never' : time(instance.observed.at, instance.zone),
      [
        instance.differs ? tone('wait', `recorded ${instance.recordedVersion ?? '–'}`) : '',
        instance.observed.healthy === false
          ? tone('fail', plain(instance.observed.problem ?? 'unhealthy'))
          : '',
        ...instance.holds.map((hold) => tone('wait', `held: ${plain(hold.reason)} (${hold.id})`)),
        instance.run === null ? '' : state(instance.run.state),
      ]
        .filter((text) => text !== '')
        .join(', '),
    ]),
  );
}

export function showPreview(preview: PreviewView, done: string): string {
  const head = preview.dryRun
    ? 'Nothing was changed. It would decide differently for:'
    : `${done} Decided differently now:`;
  if (preview.moves.length === 0)
    return preview.dryRun ? 'Nothing was changed. No instance would move.' : `${done} No instance moves.`;
  const rows = preview.moves.map((move) => [
    move.instance,
    `${move.from ?? '–'} → ${move.to ?? '–'}`,
    state(move.verdict),
  ]);
  return `${head}\n${table(['INSTANCE', 'VERSIONS', 'VERDICT'], rows)}`;
}

export function addFleetCommands(program: Command, context: CommandContext): void {
  program
    .command('apply')
    .description('bring the fleet to what a directory of YAML says')
    .requiredOption('-f, --file <path>', 'a directory, or one file')
    .option('--dry-run', 'show the difference and change nothing; exit code 2 when there is one')
    .option('--prune', 'remove what the files no longer have (never what was set by hand)')
    .action(async (options: { file: string; dryRun?: boolean; prune?: boolean }) => {
      const files = await readFleetFiles(options.file);
      // The same check as on the server, without the way there: every error at once, also while no server is up.
      const parsed = parseFleet(files, { shipped: await readShippedPlaybooks() });
      if ('errors' in parsed) {
        if (context.json()) context.terminal.out(JSON.stringify({ errors: parsed.errors }));
        for (const error of parsed.errors) context.terminal.err(formatSourceError(error));
        throw new CommandFailure(`${parsed.errors.length} error(s) in ${options.file}; nothing was changed`);
      }
      const client = await context.client();
      const body = { files, dryRun: options.dryRun === true, prune: options.prune === true };
      const result = await client.call(routes.applyFleet, { body });
      print(context, result, showApply);
      if (result.dryRun && result.changes.some(({ change }) => change !== 'keep'))
        throw new CommandFailure('the fleet differs from the files (exit code 2)', EXIT.differs);
    });

  program
    .command('instances')
    .description('every instance: what it runs, what it should run, what holds it')
    .action(async () => {
      const { instances } = await (await context.client()).call(routes.listInstances);
      print(context, instances, showInstances);
    });

  program
    .command('pin')
    .description('pin an instance to a version')
    .argument('<instance>')
    .argument('<version>')
    .option('--reason <text>', 'why (a --dry-run needs none)')
    .option('--owner <who>', 'who answers for it (default: you)')
    .option('--until <instant>', 'ends then, e.g. 2026-12-18T16:00:00Z')
    .option('--until-channel <channel>', 'ends when this channel reaches the version')
    .option('--dry-run', 'show what would be decided differently')
    .action(
      async (
        instance: string,
        version: string,
        options: { reason?: string; owner?: string; until?: string; untilChannel?: string; dryRun?: boolean },
      ) => {
        const { owner, until, untilChannel } = options;
        const reason = reasonOf(options);
        const preview = await (
          await context.client()
        ).call(routes.setPin, {
          params: { instance },
          body: {
          version, reason, dryRun: options.dryRun === true, ...(owner === undefined ? {} : { owner }),
          ...(until === undefined ? {} : { untilAt: until }), ...(untilChannel === undefined ? {} : { untilChannel }),
        }, // prettier-ignore
        });
        print(context, preview, (value) => showPreview(value, `${instance} is pinned to ${version}.`));
      },
    );

  program
    .command('unpin')
    .description('end the pin of an instance')
    .argument('<instance>')
    .option('--reason <text>', 'why (a --dry-run needs none)')
    .option('--dry-run', 'show what would be decided differently')
    .action(async (instance: string, options: { reason?: string; dryRun?: boolean }) => {
      const body = { reason: reasonOf(options), dryRun: options.dryRun === true };
      const preview = await (await context.client()).call(routes.endPin, { params: { instance }, body });
      print(context, preview, (value) => showPreview(value, `The pin of ${instance} has ended.`));
    });

  program
    .command('clear-hold')
    .description('clear a hold, so that the next pass may start the instance again')
    .argument('<hold>', 'id as in `sitelift why` and `sitelift instances`')
    .requiredOption('--reason <text>', 'why')
    .option(
      '--try-again',
      'the night may also try again what was taken back: same version, same release, same playbook',
    )
    .action(async (hold: string, options: { reason: string; tryAgain?: boolean }) => {
      const done = await (
        await context.client()
      ).call(routes.clearHold, {
        params: { hold },
        body: { reason: options.reason, tryAgain: options.tryAgain === true },
      });
      print(context, done, () => 'The hold is cleared.');
    });

  program
    .command('stop')
    .description('stop the world: nothing starts any more; ways back go on')
    .requiredOption('--reason <text>', 'why')
    .option('--release', 'let starts happen again')
    .action(async (options: { reason: string; release?: boolean }) => {
      const client = await context.client();
      const body = { reason: options.reason };
      const done =
        options.release === true
          ? await client.call(routes.releaseStop, { body })
          : await client.call(routes.stop, { body });
      print(context, done, () =>
        options.release === true ? 'Starts happen again.' : 'Nothing starts any more.',
      );
    });
}
