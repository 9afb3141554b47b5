/** `releases`, `promote`, `withdraw`: which version stands in which channel, since when and by whom. */
import { routes } from '@sitelift/contract/routes.ts';
import type { ReleaseView } from '@sitelift/contract/views.ts';
import type { Command } from 'commander';
import { CommandFailure, EXIT, print, reasonOf, type CommandContext } from '../command-context.ts';
import { plain, table, time, tone } from '../terminal.ts';
import { showPreview } from './fleet.ts';

function showReleases(releases: readonly ReleaseView[]): string {
  if (releases.length === 0)
    return 'There is no release yet. `sitelift apply -f <directory>` brings them in.';
  return table(
    ['PRODUCT', 'VERSION', 'KIND', 'CHANNELS', 'INSTANCES', 'NOTE'],
    releases.map((release) => [
      release.product,
      release.version,
      release.kind,
      release.channels.map(({ channel, placedAt }) => `${channel} since ${time(placedAt)}`).join(', ') || '–',
      String(release.instances),
      [
        release.withdrawn === null
          ? ''
          : tone('fail', `withdrawn by ${plain(release.withdrawn.by)}: ${plain(release.withdrawn.reason)}`),
        release.smokeTest === 'failed' ? tone('fail', 'smoke test failed') : '',
        release.risky ? tone('wait', 'risky') : '',
      ]
        .filter((text) => text !== '')
        .join(', '),
    ]),
  );
}

/** `unleash@5.12.8`. */
function releaseOf(text: string): { product: string; version: string } {
  const at = text.lastIndexOf('@');
  if (at <= 0 || at === text.length - 1)
    throw new CommandFailure(
      `"${text}" names no release; write product@version, such as shop@5.12.8`,
      EXIT.usage,
    );
  return { product: text.slice(0, at), version: text.slice(at + 1) };
}

export function addReleaseCommands(program: Command, context: CommandContext): void {
  program
    .command('releases')
    .description('every release, its channels, and how many instances run it')
    .action(async () => {
      const { releases } = await (await context.client()).call(routes.listReleases);
      print(context, releases, showReleases);
    });

  program
    .command('promote')
    .description('place a release in a channel')
    .argument('<release>', 'product@version')
    .argument('<channel>', 'alpha, beta, release or stable')
    .option('--reason <text>', 'why (a --dry-run needs none)')
    .option('--dry-run', 'show who would move tonight')
    .action(async (named: string, channel: string, options: { reason?: string; dryRun?: boolean }) => {
      const params = releaseOf(named);
      const body = { channel, reason: reasonOf(options), dryRun: options.dryRun === true };
      const preview = await (await context.client()).call(routes.promote, { params, body });
      print(context, preview, (value) => showPreview(value, `${named} stands in ${channel}.`));
    });

  program
    .command('withdraw')
    .description('withdraw a release: no run starts to it any more')
    .argument('<release>', 'product@version')
    .option('--reason <text>', 'why (a --dry-run needs none)')
    .option('--dry-run', 'show who would be decided differently')
    .action(async (named: string, options: { reason?: string; dryRun?: boolean }) => {
      const body = { reason: reasonOf(options), dryRun: options.dryRun === true };
      const preview = await (
        await context.client()
      ).call(routes.withdraw, { params: releaseOf(named), body });
      print(context, preview, (value) => showPreview(value, `${named} is withdrawn.`));
    });
}
