/** `loss`: what going back would lose, table by table, and the rows themselves as a file. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { routes } from '@sitelift/contract/routes.ts';
import type { MeasuredLossView } from '@sitelift/contract/loss-view.ts';
import { ROW_CHANGES } from '@sitelift/domain/run/loss.ts';
import type { Command } from 'commander';
import { print, type CommandContext } from '../command-context.ts';
import { plain, table } from '../terminal.ts';
import { runIdOf } from '../run-id-of.ts';

/** `id 9001, id 9002` with one sign each: + inserted, ~ changed, - deleted. */
const SIGNS = { inserted: '+', changed: '~', deleted: '-' } as const;

export function showLoss(loss: MeasuredLossView | null): string {
  if (loss === null) return 'Nobody has measured yet what going back would lose.';
  const { report, problem } = loss;
  const lines: string[] = [];
  if (report !== null) {
    const { tables, moreTables, sinceAt, measuredAt } = report;
    const none = ROW_CHANGES.every((change) => report[change] === 0);
    lines.push(
      `Written since the backup was begun (${sinceAt}), as of ${measuredAt}:${none ? ' nothing.' : ''}`,
    );
    if (!none)
      lines.push(
        table(
          ['TABLE', 'INSERTED', 'CHANGED', 'DELETED', 'ROWS'],
          tables.map((each) => {
            const keys = each.rows.map(
              ({ change, key }) =>
                `${SIGNS[change]}${Object.entries(key)
                  .map(([name, value]) => `${name} ${String(value)}`)
                  .join(' ')}`,
            );
            const note = each.note === null ? [] : [`(${each.note})`];
            const counts = ROW_CHANGES.map((change) => String(each[change]));
            return [plain(each.table), ...counts, plain([...keys, ...note].join(', '))];
          }),
        ),
      );
    if (moreTables > 0) lines.push(`and ${moreTables} more tables`);
  }
  if (problem !== null) lines.push(`The last measurement gave no numbers: ${plain(problem)}`);
  return lines.join('\n');
}

export function addLossCommand(program: Command, context: CommandContext): void {
  program
    .command('loss')
    .description('what going back would lose, and the rows themselves')
    .argument('<run>', 'its id, or an instance for its newest run')
    .option('--export <file>', 'write the rows into this file, one JSON object a line')
    .action(async (named: string, options: { export?: string }) => {
      const client = await context.client();
      const params = { run: await runIdOf(client, named) };
      if (options.export === undefined) {
        const { loss } = await client.call(routes.runLoss, { params });
        print(context, loss, showLoss);
        return;
      }
      const answer = await client.open(routes.runLossExport, { params, signal: context.signal });
      // A customer's rows: for nobody else on this machine, and never over a file that is there.
      const file = createWriteStream(options.export, { flags: 'wx', mode: 0o600 });
      await pipeline(answer.body === null ? Readable.from([]) : Readable.fromWeb(answer.body), file);
      print(context, { written: options.export }, ({ written }) => `Written: ${written}`);
    });
}
