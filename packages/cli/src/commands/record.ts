/** `events`, `audit verify`, `health`: who did what, and whether the record is whole. */
import { routes } from '@sitelift/contract/routes.ts';
import type { AuditEventView } from '@sitelift/contract/views.ts';
import type { Command } from 'commander';
import { CommandFailure, print, type CommandContext } from '../command-context.ts';
import { readEvents } from '../read-events.ts';
import { plain, table, time } from '../terminal.ts';

function eventRow(event: AuditEventView): readonly string[] {
  return [
    time(event.at),
    plain(event.actor),
    event.verb,
    event.customer ?? '–',
    plain(event.object.id),
    plain(event.reason),
  ];
}

export function addRecordCommands(program: Command, context: CommandContext): void {
  program
    .command('events')
    .description('who did what, when and why; newest first')
    .option('--object <id>', 'only about this object')
    .option('--customer <slug>', 'only this customer')
    .option('--limit <n>', 'at most this many', '50')
    .option('--watch', 'go on with what happens from now on')
    .action(async (options: { object?: string; customer?: string; limit: string; watch?: boolean }) => {
      const client = await context.client();
      if (options.watch === true) {
        for await (const { type, data } of readEvents(client, routes.stream, {}, context.signal)) {
          if (type !== 'audit') continue;
          const event = JSON.parse(data) as AuditEventView; // as: the route's own schema
          context.terminal.out(context.json() ? data : eventRow(event).join('  '));
        }
        return;
      }
      const { object, customer, limit } = options;
      const query = {
        limit,
        ...(object === undefined ? {} : { object }),
        ...(customer === undefined ? {} : { customer }),
      };
      const { events } = await client.call(routes.listEvents, { query });
      print(context, events, (all) =>
        all.length === 0
          ? 'Nothing was recorded yet.'
          : table(['AT', 'WHO', 'WHAT', 'CUSTOMER', 'OBJECT', 'WHY'], all.map(eventRow)),
      );
    });

  program
    .command('audit')
    .description('the audit trail')
    .command('verify')
    .description('is every chain whole? names the first bad event otherwise')
    .action(async () => {
      const verdict = await (await context.client()).call(routes.verifyEvents);
      print(context, verdict, ({ intact, events, problem }) =>
        intact ? `${events} events, every chain is whole.` : `NOT whole: ${plain(problem)}`,
      );
      if (!verdict.intact) throw new CommandFailure('the audit trail was altered');
    });

  program
    .command('health')
    .description('is the server up, and does its database answer?')
    .action(async () => {
      const health = await (await context.client()).call(routes.health);
      print(
        context,
        health,
        ({ status, version, now, mail }) => `${status}, version ${version}, ${time(now)}, mail ${mail}`,
      );
      if (health.status !== 'ok') throw new CommandFailure('the database does not answer');
    });
}
