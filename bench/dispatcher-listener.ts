/**
 * A listener in a process of its own, so that it can be measured and killed. `idle` only listens and answers `usage` with its
 * processor time; `hold` takes one wake-up, says so, and never ends it; `take` says what it gets.
 */
import type { ClientConfig } from 'pg';
import { CONTENDERS, openContender } from './dispatcher-contenders.ts';

const [name, connection, mode] = process.argv.slice(2);
const known = CONTENDERS.find((each) => each === name);
if (known === undefined || connection === undefined) throw new Error('contender, connection, mode');
const contender = await openContender(known, JSON.parse(connection) as ClientConfig); // as: written by the benchmark
const tell = (message: object): void => void process.send?.(message);

process.on('message', (message) => {
  if (message === 'usage') tell({ usage: process.cpuUsage() });
});
process.on('disconnect', () => process.exit(0));
await contender.listen((id) => {
  tell({ got: id });
  return mode === 'hold' ? new Promise(() => {}) : Promise.resolve();
});
tell({ listening: true });
