/** Bad fleet files against a fleet that is there: each error on one line with its place, and nothing changed. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ProblemResponse } from '@sitelift/contract/client.ts';
import { routes } from '@sitelift/contract/routes.ts';
import { useBed } from './small-site/bed.ts';
import { fleetFiles } from './small-site/fleet.ts';
import { SLUG } from './small-site/site.ts';

const bed = useBed();

const GOOD = fleetFiles({
  slug: SLUG,
  url: 'http://north.localhost:8080/',
  root: '/nowhere',
  settings: {
    ports: { blue: 4201, green: 4202 },
    database: { host: '127.0.0.1', port: 5432, user: 'notes', name: 'notes' },
  },
  binDir: '/nowhere',
  proxyDir: '/nowhere',
  frontend: 'http://127.0.0.1:8080/',
  playbook: 'overnight-channel',
});

function cycle(): string {
  const step = (id: string, needs: string): string =>
    `  - { id: ${id}, title: ${id}, uses: app/stage, undo: app/unstage, needs: [${needs}], expect: 1s, timeout: 1m }`;
  return ['playbook: round', 'title: Round', 'steps:', step('a', 'b'), step('b', 'a')].join('\n');
}

function another(target: string): string {
  return `customer: east
name: East
instances:
  - instance: east-live
    role: live
    product: notes
    url: http://east.localhost:8080/
    zone: Europe/Amsterdam
    target: ${target}
`;
}

/** Name, what the file holds, the line and column of the first error (null: any), what it says. */
const BAD: readonly (readonly [string, string, string | null, RegExp])[] = [
  ['broken YAML', 'customer: east\nname: [East\ninstances: []\n', null, /./],
  ['an unknown key', 'customer: east\nname: East\ncolour: red\n', '3:1', /colour/],
  ['an unknown channel', another('relaese'), '9:13', /relaese.*release/],
  ['an unknown version', another('{ version: 9.9.9 }'), '9:24', /9\.9\.9/],
  ['a cycle in needs', cycle(), null, /a.*b.*a|cycle/],
  ['a file of 10 MB', `customer: east\nname: ${'E'.repeat(10 * 1024 * 1024)}\n`, null, /MiB|MB|large|long/],
];

describe('fleet files that are wrong', () => {
  it.each(BAD)('%s is one line with its place, and changes nothing', async (_name, text, place, says) => {
    const sitelift = await bed.sitelift();
    const { client } = sitelift;
    await client.call(routes.applyFleet, { body: { files: [...GOOD] } });
    const state = async () => ({
      instances: await client.call(routes.listInstances, {}),
      events: (await client.call(routes.listEvents, { query: {} })).events.length,
    });
    const before = await state();
    const files = [...GOOD, { path: 'zz-bad.yaml', text }];

    const dir = await mkdtemp(join(tmpdir(), 'sitelift-fleet-'));
    bed.later(() => rm(dir, { recursive: true, force: true }));
    await Promise.all(files.map((file) => writeFile(join(dir, file.path), file.text)));
    const told = await sitelift.cli('apply', '-f', dir);
    expect(told).toMatchObject({ code: 1, out: '' });
    const lines = told.err.split('\n').filter((line) => line.includes('zz-bad.yaml'));
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(line).toMatch(/zz-bad\.yaml:\d+:\d+: \S/);
    expect(told.err).toMatch(says);
    if (place !== null) expect(lines[0]).toContain(`zz-bad.yaml:${place}: `);
    for (const line of told.err.split('\n')) expect(line.length).toBeLessThan(1_000);

    const refused = await client
      .call(routes.applyFleet, { body: { files } })
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ProblemResponse);
    const { status, code, problem } = refused as ProblemResponse; // as: the line above
    expect({ status, code }).toEqual({ status: 422, code: 'invalid-fleet' });
    expect(problem.fileErrors?.[0]).toMatchObject({ path: 'zz-bad.yaml', line: expect.any(Number) });
    expect(await state()).toEqual(before);
  });
});
