/** `sitelift upgrade` over a selection: nobody starts what they have not seen, and no script what it did not count. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../../packages/cli/src/main.ts';
import { createClient } from '../../packages/contract/src/client.ts';
import { routes } from '../../packages/contract/src/routes.ts';
import { createTestDatabase, type TestDatabase } from '../../packages/server/src/db/test-database.ts';
import { startSampleCrowd } from '../../packages/server/src/http/sample-crowd.ts';
import type { SampleServer } from '../../packages/server/src/http/sample-server.ts';

let test: TestDatabase;
let sample: SampleServer;
let token: string;
beforeEach(async () => {
  test = await createTestDatabase();
  sample = await startSampleCrowd(test.db);
  const { authorization = '' } = await sample.people.tokenOf('operator', ['read', 'operate']);
  token = authorization.slice('Bearer '.length);
});
afterEach(async () => {
  await sample.server.stop();
  await test.drop();
});

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly asked: readonly string[];
}

/** `answer`: somebody sits at the terminal and types this; `null`: nobody does. */
async function cli(answer: string | null, ...args: readonly string[]): Promise<Said> {
  const [out, err, asked]: [string[], string[], string[]] = [[], [], []];
  const ask = async (question: string): Promise<string> => {
    asked.push(question);
    return answer ?? '';
  };
  const terminal = {
    out: (text: string) => void out.push(text),
    err: (text: string) => void err.push(text),
    isTty: answer !== null,
    columns: 200,
    ...(answer === null ? {} : { ask }),
  };
  const env = { SITELIFT_URL: sample.server.address, SITELIFT_TOKEN: token };
  const code = await runCli(['upgrade', ...args, '--reason', 'they asked'], terminal, env);
  return { code, out: out.join('\n'), err: err.join('\n'), asked };
}

/** Slugs of instances whose upgrade a person asked for. */
async function started(): Promise<readonly string[]> {
  const { runs } = await createClient({ baseUrl: sample.server.address, token }).call(routes.listRuns);
  return runs.flatMap(({ trigger, instance }) => (trigger === 'requested' ? [instance] : [])).sort();
}

describe('sitelift upgrade over a selection', () => {
  it('a dry run shows who would start and who would not, and why', async () => {
    const { code, out } = await cli(null, '--label', 'big', '--dry-run');
    expect(code).toBe(0);
    expect(out).toMatch(/east-uat +▶ start +1\.0 → 2\.0/);
    expect(out).toMatch(/south-live +◷ wait .* goes first/);
    expect(out).toMatch(/1 would start, 3 would not\. Nothing was started\.$/);
    expect(await started()).toEqual([]);
  });

  it('shows the list, asks for the number, and starts what it showed', async () => {
    const { code, out, asked } = await cli('1', '--label', 'big');
    expect([code, asked]).toEqual([0, ['Type the number of instances that will start: ']]);
    expect(out).toMatch(/east-uat[^]*1 would start, 3 would not\.[^]*Started run_\w+ of east-uat\./);
    expect(await started()).toEqual(['east-uat']);
  });

  it.each(['4', '', 'yes'])('starts nothing when "%s" is typed', async (answer) => {
    const { code, err } = await cli(answer, '--label', 'big');
    expect(code).toBe(1);
    expect(err).toContain(`1 would start, not "${answer}": nothing was started`);
    expect(await started()).toEqual([]);
  });

  it('a script says the number, and a wrong one starts nothing', async () => {
    expect((await cli(null, '--all-test', '--customer', 'south', '--yes', '2')).code).toBe(1);
    expect(await started()).toEqual([]);
    const { code, out } = await cli(null, '--all-test', '--customer', 'south', '--yes', '1', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject([
      { instance: 'south-uat', started: expect.stringMatching(/^run_/) as string },
    ]);
    expect(await started()).toEqual(['south-uat']);
  });

  it('without a terminal and without the number nothing starts', async () => {
    const { code, err } = await cli(null, '--all');
    expect([code, err]).toEqual([64, expect.stringContaining('--yes <n>')]);
    expect(await started()).toEqual([]);
  });

  it('where none may start nobody is asked', async () => {
    const { code, out, err, asked } = await cli('0', '--all-live');
    expect([code, asked]).toEqual([1, []]);
    expect(out).toMatch(/north-live +◷ wait/);
    expect(err).toContain('none of them may start now');
  });

  it('what is there already is no failure', async () => {
    expect((await cli('0', '--all-test', '--to', '1.0')).code).toBe(0);
  });

  it.each<[string, readonly string[]]>([
    ['neither an instance nor a selection', []],
    ['both', ['north-uat', '--all']],
    ['--watch over many', ['--all', '--watch']],
    ['--yes for one', ['north-uat', '--yes', '1']],
    ['a role that there is not', ['--role', 'production']],
    ['a number that is none', ['--all', '--yes', 'all']],
  ])('%s is wrong usage', async (_, args) => {
    expect((await cli('1', ...args)).code).toBe(64);
    expect(await started()).toEqual([]);
  });

  it('one instance starts at once, as ever, and a dry run of it starts nothing', async () => {
    expect((await cli(null, 'south-uat', '--dry-run')).out).toMatch(/south-uat +▶ start/);
    expect(await started()).toEqual([]);
    const { code, out } = await cli(null, 'south-uat');
    expect([code, out]).toEqual([0, expect.stringMatching(/^Started run_/)]);
    expect(await started()).toEqual(['south-uat']);
  });
});
