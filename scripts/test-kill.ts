/**
 * `npm run test:kill`: every boundary x victim x kind of step, two at a time, and writes the figures into
 * `docs/kill-matrix.md`. Words after it choose cases: `npm run test:kill -- b5-worker` plays those alone and writes nothing.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { findServerBinaries } from '@sitelift/server/drivers/postgres/test-cluster.ts';
import { playCases, type Played } from '../test/kill/beds.ts';
import { ALL_CASES } from '../test/kill/kill-cases.ts';
import { playTwoWorkers } from '../test/kill/two-workers.ts';
import { describeMatrix } from '../test/kill/describe-matrix.ts';

const AT_ONCE = 2;
/** Cases per installation: its processes are started afresh after these, so that no case hangs on what long ones left. */
const PER_INSTALLATION = 24;
const RUNS = 200;
const PAGE = new URL('../docs/kill-matrix.md', import.meta.url);

const binDir = await findServerBinaries();
if (binDir === null) {
  console.error('no PostgreSQL server is installed here: apt-get install postgresql-15');
  process.exit(1);
}
const words = process.argv.slice(2);
const cases = ALL_CASES.filter(({ slug }) => words.length === 0 || words.some((word) => slug.includes(word)));
const played: Played[] = [];
for (let next = 0; next < cases.length; next += PER_INSTALLATION * AT_ONCE) {
  await playCases(binDir, cases.slice(next, next + PER_INSTALLATION * AT_ONCE), AT_ONCE, (each) => {
    played.push(each);
    const { state, wholeMs, breaches } = each.result;
    console.log(`${breaches.length === 0 ? 'ok    ' : 'FAILED'} ${each.each.slug}: ${state}, ${wholeMs} ms`);
    for (const breach of breaches) console.log(`       ${breach}`);
  });
}
const failed = played.filter(({ result }) => result.breaches.length > 0).length;
console.log(`${played.length - failed} of ${played.length} cases held`);
let alsoFailed = 0;
if (words.length === 0) {
  const two = await playTwoWorkers(binDir, RUNS);
  alsoFailed = two.breaches.length;
  console.log(
    `two workers, ${RUNS} runs in ${two.wholeMs} ms: ${alsoFailed === 0 ? 'held' : two.breaches.join('\n')}`,
  );
  const page = await readFile(PAGE, 'utf8');
  const mark = '<!-- figures: written by npm run test:kill -->';
  await writeFile(PAGE, `${page.slice(0, page.indexOf(mark))}${mark}\n\n${describeMatrix(played, two)}`);
}
process.exit(failed + alsoFailed === 0 ? 0 : 1);
