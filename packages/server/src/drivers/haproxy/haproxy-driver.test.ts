import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Action, ActionContext, JsonObject } from '../driver.ts';
import { sampleContext } from '../sample-context.ts';
import { haproxyConfigSchema, type HaproxyConfig } from './config.ts';
import { haproxyDriver } from './haproxy-driver.ts';
import { readMapFile } from './map-file.ts';
import { askProxy } from './runtime-socket.ts';
import { HAPROXY, startTestProxy, TEST_HOST, type TestProxy } from './test-haproxy.ts';

type Name = 'proxy/close' | 'proxy/open' | 'proxy/switch' | 'proxy/probe';
const actionOf = (name: Name) => haproxyDriver.actions[name] as unknown as Action<HaproxyConfig>; // as: parsed below

describe.skipIf(HAPROXY === undefined)('a site behind a real HAProxy', () => {
  let proxy: TestProxy;
  let fence = 1;
  beforeAll(async () => {
    proxy = await startTestProxy();
  });
  afterAll(() => proxy.close());

  const context = (
    name: Name,
    input: JsonObject = {},
    settings: JsonObject = {},
    change: Partial<ActionContext<HaproxyConfig>> = {},
  ) =>
    sampleContext(
      haproxyConfigSchema.parse({ ...proxy.settings, ...settings }),
      actionOf(name).inputSchema.parse(input),
      {
        fence,
        ...change,
      },
    );
  const apply = (name: Name, input: JsonObject = {}, settings: JsonObject = {}) =>
    actionOf(name).apply(context(name, input, settings));
  const observe = (name: Name, input: JsonObject = {}, settings: JsonObject = {}) =>
    actionOf(name).observe(context(name, input, settings));
  const runtime = (command: string) =>
    askProxy(`${proxy.dir}/admin.sock`, command, new AbortController().signal);

  afterEach(async () => {
    fence += 1;
    expect(await apply('proxy/open')).toEqual({ kind: 'done' });
    expect(await apply('proxy/switch', { to: 'live' })).toEqual({ kind: 'done' });
  });

  it('is closed with 503, Retry-After and our marker, and opened again', async () => {
    expect(await observe('proxy/close')).toMatchObject({
      state: 'not-applied',
      differs: 'the map file says open, the running map open, and users find the site open',
    });
    expect(await apply('proxy/close')).toEqual({ kind: 'done' });
    expect(await observe('proxy/close')).toMatchObject({ state: 'applied' });
    const { status, headers } = await proxy.get();
    expect(status).toBe(503);
    expect(headers).toMatchObject({
      'retry-after': '120',
      'x-sitelift-maintenance': '1',
      'cache-control': 'no-store',
    });
    expect(await apply('proxy/probe')).toEqual({
      kind: 'done',
      output: { open: false, slot: 'blue', differs: null },
    });

    expect(await apply('proxy/open')).toEqual({ kind: 'done' });
    expect(await proxy.get()).toMatchObject({ status: 200, body: 'blue' });
    expect(await apply('proxy/probe')).toEqual({
      kind: 'done',
      output: { open: true, slot: 'blue', differs: null },
    });
  });

  it('leaves the lines of other sites as they are', async () => {
    await apply('proxy/close');
    const text = await readFile(proxy.maintMap, 'utf8');
    expect(text.split('\n').slice(0, 2)).toEqual(['# sites that are closed', 'other.localhost 1']);
  });

  it('stays closed over a restart of the proxy', async () => {
    await apply('proxy/close');
    await proxy.stop();
    await proxy.start();
    expect((await proxy.get()).status).toBe(503);
    expect(await observe('proxy/close')).toMatchObject({ state: 'applied' });
  });

  it('stays switched over a restart of the proxy', async () => {
    expect(await apply('proxy/switch')).toEqual({ kind: 'done' });
    expect(await proxy.get()).toMatchObject({ status: 200, body: 'green' });
    await proxy.stop();
    await proxy.start();
    expect(await proxy.get()).toMatchObject({ body: 'green' });
    expect(await observe('proxy/switch')).toMatchObject({ state: 'applied' });
    expect(await apply('proxy/probe')).toMatchObject({ output: { open: true, slot: 'green' } });
  });

  it('is repaired when the running map is an old one', async () => {
    await apply('proxy/close');
    await apply('proxy/switch');
    await runtime(`del map ${proxy.maintMap} ${TEST_HOST}`);
    await runtime(`set map ${proxy.backendMap} ${TEST_HOST} north-blue`);
    expect(await observe('proxy/close')).toMatchObject({
      state: 'not-applied',
      differs: 'the map file says closed, the running map open, and users find the site open',
    });
    expect(await observe('proxy/switch')).toMatchObject({ state: 'not-applied' });
    expect(await apply('proxy/close')).toEqual({ kind: 'done' });
    expect(await apply('proxy/switch')).toEqual({ kind: 'done' });
    expect((await proxy.get()).status).toBe(503);
  });

  it('is not said to be "not opened" while users are let in', async () => {
    await writeFile(proxy.maintMap, `${await readFile(proxy.maintMap, 'utf8')}${TEST_HOST} 1\n`);
    expect(await observe('proxy/open')).toMatchObject({ state: 'cannot-tell' });
  });

  it('is not touched while HAProxy is stopped, and nobody claims to know', async () => {
    await proxy.stop();
    const before = await readFile(proxy.maintMap, 'utf8');
    try {
      expect(await apply('proxy/close')).toEqual({
        kind: 'retry-later',
        reason: `HAProxy does not answer on ${proxy.dir}/admin.sock: ENOENT`,
        afterMs: 5_000,
      });
      expect(await apply('proxy/switch')).toMatchObject({ kind: 'retry-later' });
      expect(await apply('proxy/probe')).toMatchObject({ kind: 'failed' });
      expect(await observe('proxy/close')).toMatchObject({ state: 'cannot-tell' });
      expect(await readFile(proxy.maintMap, 'utf8')).toBe(before);
    } finally {
      await proxy.start();
    }
  });

  it('is not switched to a backend that HAProxy does not have, nor by a map that it does not know', async () => {
    expect(
      await apply('proxy/switch', {}, { backends: { blue: 'north-blue', green: 'north-gren' } }),
    ).toEqual({
      kind: 'failed',
      reason: 'HAProxy has no backend north-gren: nothing was changed',
    });
    const other = `${proxy.dir}/other.map`;
    await writeFile(other, '');
    const unknown = await apply('proxy/close', {}, { maintMap: other });
    expect(unknown).toMatchObject({ kind: 'failed' });
    expect(await readFile(other, 'utf8')).toBe('');
  });

  it('refuses a worker that lost it to a newer one', async () => {
    await apply('proxy/close');
    const older = context('proxy/open', {}, {}, { fence: fence - 1 });
    expect(await actionOf('proxy/open').apply(older)).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('was written by a newer worker') as unknown,
    });
    expect((await proxy.get()).status).toBe(503);
  });

  it('with one slot only has nothing to switch', async () => {
    expect(await observe('proxy/switch', {}, { backends: { blue: 'north-blue' } })).toMatchObject({
      state: 'applied',
    });
  });

  it('does not lose the line of another site that is closed at the same moment', async () => {
    const hosts = Array.from({ length: 12 }, (_, index) => `site-${index}.localhost`);
    const close = hosts.map((host) => {
      const one = context('proxy/close', {}, { host });
      return actionOf('proxy/close').apply(one);
    });
    expect(await Promise.all(close)).toEqual(hosts.map(() => ({ kind: 'done' })));
    for (const host of hosts) expect(await readMapFile(proxy.maintMap, host)).toBe('1');
  });

  it('loses no request over twenty switches', async () => {
    const over = new AbortController();
    const seen = { blue: 0, green: 0 };
    const failures: string[] = [];
    const client = async (): Promise<void> => {
      while (!over.signal.aborted) {
        try {
          const { status, body } = await proxy.get();
          if (status === 200 && (body === 'blue' || body === 'green')) seen[body] += 1;
          else failures.push(`${status} ${body}`);
        } catch (error) {
          failures.push(String(error));
        }
      }
    };
    const clients = [client(), client(), client(), client()];
    for (let turn = 0; turn < 20; turn += 1) {
      expect(await apply('proxy/switch', { to: turn % 2 === 0 ? 'staging' : 'live' })).toEqual({
        kind: 'done',
      });
    }
    over.abort();
    await Promise.all(clients);
    expect(failures).toEqual([]);
    expect(seen.blue).toBeGreaterThan(0);
    expect(seen.green).toBeGreaterThan(0);
  });
});

describe('the settings of haproxy', () => {
  const good = { socket: '/s', mapsDir: '/m', frontend: 'http://127.0.0.1/', backends: { blue: 'b' } };
  it('find the maps in their directory', () => {
    expect(haproxyConfigSchema.parse(good)).toMatchObject({
      maintMap: '/m/maint.map',
      backendMap: '/m/backend.map',
    });
  });

  it.each([
    [{ host: 'north.localhost; del acl x' }, 'host'],
    [{ backends: { blue: 'a b' } }, 'backends.blue'],
    [{ backends: {} }, 'backends'],
    [{ socket: '/x\nshow' }, 'socket'],
    [{ mapsDir: undefined, maintMap: '/m' }, 'backendMap'],
    [{ frontend: 'file:///etc/passwd' }, 'frontend'],
  ])('%j are refused', (change, path) => {
    const issues = haproxyConfigSchema.safeParse({ ...good, ...change }).error?.issues ?? [];
    expect(issues.map((issue) => issue.path.join('.'))).toContain(path);
  });
});
