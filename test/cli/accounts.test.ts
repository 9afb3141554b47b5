/** `sitelift account`: an administrator lets people in and puts them out, and the password is on the screen once. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from '../../packages/cli/src/main.ts';
import { createTestDatabase, type TestDatabase } from '../../packages/server/src/db/test-database.ts';
import { startSampleServer, type SampleServer } from '../../packages/server/src/http/sample-server.ts';
import { signIn } from '../../packages/server/src/people/sign-in.ts';

let test: TestDatabase;
let sample: SampleServer;
let token: string;
beforeAll(async () => {
  test = await createTestDatabase();
  sample = await startSampleServer(test.db);
  const { authorization = '' } = await sample.people.tokenOf('admin', ['admin']);
  token = authorization.slice('Bearer '.length);
});
afterAll(async () => {
  await sample.server.stop();
  await test.drop();
});

async function account(...args: readonly string[]): Promise<readonly [number, string]> {
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  const env = { SITELIFT_URL: sample.server.address, SITELIFT_TOKEN: token };
  const code = await runCli(['account', ...args], { out: say, err: say, isTty: false, columns: 200 }, env);
  return [code, said.join('\n')];
}

const passwordIn = (text: string): string => /One-time password: (\S+)/.exec(text)?.[1] ?? '';

it('an account is made, raised, shut out, let in again and given a new password', async () => {
  const [made, first] = await account('create', 'mia@vendor.example', '--role', 'operator', '--name', 'Mia');
  expect([made, first]).toEqual([0, expect.stringContaining('mia@vendor.example is operator.')]);
  expect(await signIn(test.db, 'mia@vendor.example', passwordIn(first))).not.toBeNull();
  expect(await account('role', 'mia@vendor.example', 'admin')).toEqual([0, 'mia@vendor.example is admin.']);
  expect((await account('disable', 'mia@vendor.example'))[1]).toContain('its sessions and tokens ended');
  expect((await account('list'))[1]).toMatch(/mia@vendor\.example +Mia +admin +disabled since/);
  expect((await account('enable', 'mia@vendor.example'))[0]).toBe(0);
  const [code, second] = await account('reset-password', 'mia@vendor.example');
  expect(code).toBe(0);
  expect(await signIn(test.db, 'mia@vendor.example', passwordIn(first))).toBeNull();
  expect(await signIn(test.db, 'mia@vendor.example', passwordIn(second))).not.toBeNull();
});

it('what is refused is told with its reason, and a role that does not exist never leaves the machine', async () => {
  const [code, said] = await account('role', 'admin@vendor.example', 'viewer');
  expect([code, said]).toEqual([1, expect.stringContaining('nobody changes their own role')]);
  expect(await account('role', 'admin@vendor.example', 'king')).toEqual([
    64,
    expect.stringContaining('there is no role king; known: viewer, operator, release-manager, admin'),
  ]);
});
