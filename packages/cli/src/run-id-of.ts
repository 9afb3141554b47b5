/** People name a run by its instance; scripts by its id. */
import type { Client } from '@sitelift/contract/client.ts';
import { routes } from '@sitelift/contract/routes.ts';
import { CommandFailure } from './command-context.ts';

/** A run's id, or an instance's name for its newest run. */
export async function runIdOf(client: Client, named: string): Promise<string> {
  if (named.startsWith('run_')) return named;
  const { runs } = await client.call(routes.listRuns, { query: { instance: named, limit: 1 } });
  const [newest] = runs;
  if (newest === undefined) throw new CommandFailure(`${named} has no run`);
  return newest.id;
}
