/** A person's word at a gate: `vote` and `check-item`. */
import { routes } from '@sitelift/contract/routes.ts';
import { ITEM_RESULTS } from '@sitelift/domain/run/events.ts';
import { Argument, type Command } from 'commander';
import { CommandFailure, print, type CommandContext } from '../command-context.ts';
import { runIdOf } from '../run-id-of.ts';

export function addGateCommands(program: Command, context: CommandContext): void {
  program
    .command('vote')
    .description("record a person's word at a gate; the first decision counts")
    .argument('<run>', 'its id, or an instance for its newest run')
    .argument('<gate>', 'the step')
    .addArgument(new Argument('<decision>').choices(['pass', 'deny']))
    .requiredOption('--reason <text>', 'why, and whose word it is')
    .option('--evidence <text>', 'what was seen')
    .action(
      async (
        named: string,
        step: string,
        decision: 'pass' | 'deny',
        { reason, evidence }: { reason: string; evidence?: string },
      ) => {
        const client = await context.client();
        const answer = await client.call(routes.voteAtGate, {
          params: { run: await runIdOf(client, named), step },
          body: { decision, reason, ...(evidence === undefined ? {} : { evidence }) },
        });
        print(context, answer, ({ does }) => `It ${does}.`);
      },
    );
  program
    .command('check-item')
    .description('record what came of an item of a checklist')
    .argument('<run>', 'its id, or an instance for its newest run')
    .argument('<gate>', 'the step')
    .argument('<item>', 'checklist/item')
    .addArgument(new Argument('<result>').choices(ITEM_RESULTS))
    .option('--note <text>', 'what was seen', '')
    .action(
      async (
        named: string,
        step: string,
        key: string,
        result: (typeof ITEM_RESULTS)[number],
        { note }: { note: string },
      ) => {
        const [checklist, item] = key.split('/');
        if (checklist === undefined || item === undefined)
          throw new CommandFailure('name the item as checklist/item');
        const client = await context.client();
        const answer = await client.call(routes.checkGateItem, {
          params: { run: await runIdOf(client, named), step },
          body: { checklist, item, result, note },
        });
        print(context, answer, ({ does }) => `It ${does}.`);
      },
    );
}
