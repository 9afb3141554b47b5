/** `customers`: the register customer by customer, and who has nothing to try an upgrade on. */
import type { CustomerView } from '@sitelift/contract/customer-view.ts';
import { routes } from '@sitelift/contract/routes.ts';
import { FLAG_WORDS } from '@sitelift/domain/fleet/minimum-of-two.ts';
import type { Command } from 'commander';
import { print, type CommandContext } from '../command-context.ts';
import { plain, table, tone } from '../terminal.ts';

/** One row an instance; the customer and what is flagged stand on the first of its rows. */
function rowsOf({ slug, instances, flags }: CustomerView): readonly (readonly string[])[] {
  const note = flags.map((flag) => tone('wait', FLAG_WORDS[flag])).join(', ');
  if (instances.length === 0) return [[slug, '–', '–', '–', '–', note]];
  return instances.map((instance, at) => [
    at === 0 ? slug : '',
    instance.slug,
    instance.role,
    plain(instance.observedVersion ?? '–'),
    plain(instance.target),
    at === 0 ? note : '',
  ]);
}

function showCustomers(customers: readonly CustomerView[]): string {
  if (customers.length === 0)
    return 'There is no customer. `sitelift apply -f <directory>` brings a fleet in; docs/fleet-files.md says how it looks.';
  const flagged = customers.filter(({ flags }) => flags.length > 0).length;
  const instances = customers.reduce((sum, each) => sum + each.instances.length, 0);
  return [
    table(['CUSTOMER', 'INSTANCE', 'ROLE', 'RUNS', 'TARGET', 'NOTE'], customers.flatMap(rowsOf)),
    `${customers.length} customers with ${instances} instances; ${flagged} ${FLAG_WORDS['below-minimum-of-two']}.`,
  ].join('\n');
}

export function addCustomerCommand(program: Command, context: CommandContext): void {
  program
    .command('customers')
    .description(
      'every customer with its instances: what they run and should run, and who has fewer than two',
    )
    .action(async () => {
      const { customers } = await (await context.client()).call(routes.listCustomers);
      print(context, customers, showCustomers);
    });
}
