/**
 * `upgrade`: of one instance, or of every instance that a selection fits. A selection is shown first; then somebody types how
 * many would start (`--yes` in scripts), and only those that were shown are started, whatever has changed meanwhile.
 */
import type { Client } from '@sitelift/contract/client.ts';
import type { BodyOf } from '@sitelift/contract/route.ts';
import { routes, type Routes } from '@sitelift/contract/routes.ts';
import type { SelectedUpgradeView } from '@sitelift/contract/upgrade-selection.ts';
import { ENVIRONMENT_ROLES, type EnvironmentRole } from '@sitelift/domain/fleet/fleet.ts';
import { InvalidArgumentError, type Command } from 'commander';
import { CommandFailure, EXIT, print, type CommandContext } from '../command-context.ts';
import { plain, state, table, tone } from '../terminal.ts';
import { failUnlessGood, watchRun } from './runs.ts';

interface UpgradeOptions {
  readonly all?: boolean;
  readonly allLive?: boolean;
  readonly allTest?: boolean;
  readonly role?: readonly EnvironmentRole[];
  readonly label?: readonly string[];
  readonly customer?: readonly string[];
  readonly product?: readonly string[];
  readonly to?: string;
  readonly reason: string;
  readonly anyTime?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: number;
  readonly watch?: boolean;
}

type Body = BodyOf<Routes['requestUpgrades']>;
type Select = Body['select'];

function collect(word: string, before: readonly string[] = []): readonly string[] {
  return [...before, word];
}

function collectRole(word: string, before: readonly EnvironmentRole[] = []): readonly EnvironmentRole[] {
  const role = ENVIRONMENT_ROLES.find((known) => known === word);
  if (role === undefined) throw new InvalidArgumentError(`one of ${ENVIRONMENT_ROLES.join(', ')}`);
  return [...before, role];
}

function countOf(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('the number of instances that would start');
  return Number(text);
}

/** Null when no kind of word was given. */
function selectOf(options: UpgradeOptions): Select | null {
  const roles = ENVIRONMENT_ROLES.filter(
    (role) =>
      options.role?.includes(role) === true ||
      (role === 'live' ? options.allLive === true : options.allTest === true),
  );
  const select: Select = {
    ...(options.all === true ? { all: true } : {}),
    ...(roles.length === 0 ? {} : { roles }),
    ...(options.label === undefined ? {} : { labels: [...options.label] }),
    ...(options.customer === undefined ? {} : { customers: [...options.customer] }),
    ...(options.product === undefined ? {} : { products: [...options.product] }),
  };
  return Object.keys(select).length === 0 ? null : select;
}

function showItems(items: readonly SelectedUpgradeView[]): string {
  const rows = items.map(({ instance, verdict, fromVersion, toVersion, started, reasons }) => {
    const [first, ...more] = reasons;
    const rest = more.length === 0 ? '' : tone('idle', ` (+${more.length})`);
    const to = toVersion === null || toVersion === fromVersion ? '' : ` → ${toVersion}`;
    return [
      instance,
      state(verdict),
      `${fromVersion ?? '–'}${to}`,
      started ?? '',
      `${plain(first?.detail)}${rest}`,
    ];
  });
  return table(['INSTANCE', 'VERDICT', 'VERSIONS', 'RUN', 'WHY'], rows);
}

const starting = (items: readonly SelectedUpgradeView[]): readonly SelectedUpgradeView[] =>
  items.filter(({ verdict }) => verdict === 'start');

/** Nothing goes on unless somebody says how many: a number cannot be typed without having looked. */
async function confirm(context: CommandContext, count: number, yes: number | undefined): Promise<void> {
  const { ask } = context.terminal;
  if (yes === undefined && ask === undefined)
    throw new CommandFailure(
      'nobody is here to ask: --dry-run shows how many would start, --yes <n> starts them',
      EXIT.usage,
    );
  const said = yes ?? (await ask?.('Type the number of instances that will start: ', context.signal));
  if (String(said).trim() !== String(count))
    throw new CommandFailure(`${count} would start, not "${plain(String(said))}": nothing was started`);
}

async function upgradeSelected(
  context: CommandContext,
  client: Client,
  body: Body,
  options: UpgradeOptions,
): Promise<void> {
  const { items } = await client.call(routes.requestUpgrades, { body: { ...body, dryRun: true } });
  const chosen = starting(items).map(({ instance }) => instance);
  const summary = `${chosen.length} would start, ${items.length - chosen.length} would not.`;
  if (options.dryRun === true) {
    print(context, items, (all) => `${showItems(all)}\n${summary} Nothing was started.`);
    return;
  }
  // What is asked about is shown in any case; standard output is for the one document.
  const { out, err } = context.terminal;
  if (chosen.length > 0) (context.json() ? err : out)(`${showItems(items)}\n${summary}`);
  if (chosen.length > 0 || options.yes !== undefined) await confirm(context, chosen.length, options.yes);
  if (chosen.length === 0) {
    print(context, items, showItems);
    if (items.every(({ verdict }) => verdict === 'up-to-date')) return;
    throw new CommandFailure('none of them may start now');
  }
  const only: Body = { ...body, select: { instances: chosen } };
  const done = await client.call(routes.requestUpgrades, { body: only });
  const after = new Map(done.items.map((item) => [item.instance, item]));
  const all = items.map((item) => after.get(item.instance) ?? item);
  const missed = done.items.filter(({ started }) => started === null);
  print(context, all, () => {
    const lines = done.items.flatMap(({ instance, started }) =>
      started === null ? [] : [`Started ${started} of ${instance}.`],
    );
    return [...lines, ...(missed.length === 0 ? [] : [showItems(missed)])].join('\n');
  });
  if (missed.length > 0)
    throw new CommandFailure(`${missed.length} of ${chosen.length} did not start: things have changed`);
}

async function upgradeOne(
  context: CommandContext,
  client: Client,
  instance: string,
  options: UpgradeOptions,
): Promise<void> {
  const { reason, to, anyTime = false, watch } = options;
  const body = { instance, reason, anyTime, ...(to === undefined ? {} : { version: to }) };
  const started = await client.call(routes.requestUpgrade, { body });
  print(context, started, ({ run }) => `Started ${run}.`);
  if (watch === true) failUnlessGood(await watchRun(context, client, started.run, 'run'));
}

/** What the options mean together, or why they mean nothing. */
function choose(instance: string | undefined, options: UpgradeOptions): Select | null {
  const refuse = (why: string): never => {
    throw new CommandFailure(why, EXIT.usage);
  };
  const select = selectOf(options);
  if (instance === undefined && select === null)
    return refuse('name an instance, or select some: --all-live, --label, … (sitelift upgrade --help)');
  if (instance !== undefined && select !== null) return refuse('name an instance or select some, not both');
  if (select !== null && options.watch === true)
    return refuse('--watch follows one run; `sitelift runs --open` lists many');
  if (select === null && options.yes !== undefined) return refuse('--yes confirms a selection');
  return select;
}

export function addUpgradeCommand(program: Command, context: CommandContext): void {
  program
    .command('upgrade')
    .description('start an upgrade of one instance, or of all that a selection fits')
    .argument('[instance]')
    .option('--all', 'select every instance')
    .option('--all-live', 'select every live instance')
    .option('--all-test', 'select every instance that is not live')
    .option('--role <role>', 'select by role; may be repeated, as those below', collectRole)
    .option('--label <label>', 'select by label', collect)
    .option('--customer <customer>', 'select by customer', collect)
    .option('--product <product>', 'select by product', collect)
    .requiredOption('--reason <text>', 'why')
    .option('--to <version>', 'an exact version (default: what its target says)')
    .option('--any-time', 'do not wait for the maintenance window')
    .option('--dry-run', 'show who would start and who would not, and start nothing')
    .option('--yes <n>', 'for scripts: the number of instances that would start', countOf)
    .option('--watch', 'show the run of one instance until it is over')
    .addHelpText(
      'after',
      '\nEvery kind of selection that is given must fit, and within a kind any one. Live waits for its stages (policy P28),\n' +
        'and no more are started than SITELIFT_UPGRADES_AT_ONCE leaves room for; the list says who waits and who starts them.',
    )
    .action(async (instance: string | undefined, options: UpgradeOptions) => {
      const select = choose(instance, options);
      const client = await context.client();
      if (instance !== undefined && options.dryRun !== true)
        return upgradeOne(context, client, instance, options);
      const { reason, to, anyTime = false } = options;
      const words = select ?? { instances: instance === undefined ? [] : [instance] };
      const body = { select: words, reason, anyTime, ...(to === undefined ? {} : { version: to }) };
      return upgradeSelected(context, client, body, options);
    });
}
