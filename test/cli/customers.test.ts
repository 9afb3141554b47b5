/** The register of forty customers, brought in from files: what each runs and should run, and who has fewer than two (C1). */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../packages/cli/src/main.ts';
import type { CustomerView } from '../../packages/contract/src/customer-view.ts';
import { customerFile, openBed, vendorFile, type Bed } from '../../packages/server/src/compose-bed.ts';

/** One to four instances, twice each; the second of one and of two has no live instance. */
const ROLES = [
  ['live'],
  ['live', 'uat'],
  ['live', 'test', 'validation'],
  ['live', 'sandbox', 'staging', 'uat'],
  ['uat'],
  ['test', 'uat'],
  ['live', 'validation', 'test'],
  ['live', 'uat', 'test', 'staging'],
] as const;
const PLAYBOOK = `playbook: look
title: Look
steps:
  - { id: probe, title: Look at it, uses: app/probe, with: { slot: live, expect: to }, expect: 10s }
`;
const CUSTOMERS = Array.from({ length: 40 }, (_, at) => ({
  slug: `c${String(at).padStart(2, '0')}`,
  roles: ROLES[at % ROLES.length] ?? [],
}));
const FILES = {
  'vendor.yaml': vendorFile('look').replace('smokeTest: passed', 'smokeTest: passed, channels: [release]'),
  'look.yaml': PLAYBOOK,
  'empty.yaml': 'customer: empty\nname: Empty\n',
  ...Object.fromEntries(
    CUSTOMERS.map(({ slug, roles }) => [`${slug}.yaml`, customerFile(slug, roles)] as const),
  ),
};

let bed: Bed;
let token: string;
let directory: string;
beforeAll(async () => {
  bed = await openBed();
  directory = await mkdtemp(join(tmpdir(), 'sitelift-forty-'));
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(directory, name), text);
  await bed.apply(
    FILES,
    CUSTOMERS.flatMap(({ slug, roles }) => roles.map((role) => `${slug}-${role}`)),
  );
  const { authorization = '' } = await bed.people.tokenOf('operator', ['read', 'operate']);
  token = authorization.slice('Bearer '.length);
});
afterAll(async () => {
  await bed.stop();
  await rm(directory, { recursive: true, force: true });
});

async function cli(...args: readonly string[]): Promise<readonly [number, string]> {
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  const env = { SITELIFT_URL: bed.address, SITELIFT_TOKEN: token };
  const code = await runCli(args, { out: say, err: say, isTty: false, columns: 200 }, env);
  return [code, said.join('\n')];
}

async function list(): Promise<ReadonlyMap<string, CustomerView>> {
  const [code, text] = await cli('customers', '--json');
  expect(code).toBe(0);
  const customers = JSON.parse(text) as readonly CustomerView[]; // as: the route's own schema
  return new Map(customers.map((each) => [each.slug, each]));
}

/** Without a live instance, or without another beside it. */
const FEW = CUSTOMERS.filter(({ slug }) => [0, 4, 5].includes(Number(slug.slice(1)) % 8)).map(
  ({ slug }) => slug,
);

const byName = (a: string, b: string): number => a.localeCompare(b);

describe('the register', () => {
  it('shows role, current version and target of every instance of every customer', async () => {
    const customers = await list();
    expect([...customers.keys()]).toEqual([...CUSTOMERS.map(({ slug }) => slug), 'empty']);
    for (const { slug, roles } of CUSTOMERS) {
      const { instances = [] } = customers.get(slug) ?? {};
      expect(instances.map(({ role }) => role).toSorted(byName), slug).toEqual(roles.toSorted(byName));
      if ((roles as readonly string[]).includes('live')) expect(instances[0]?.role, slug).toBe('live'); // as: to look in it
      for (const instance of instances)
        expect(instance).toEqual({
          slug: `${slug}-${instance.role}`,
          role: instance.role,
          product: 'shop',
          url: `http://${slug}-${instance.role}.test/`,
          observedVersion: '1.0.0',
          target: 'channel release, which offers 2.0.0',
          targetVersion: '2.0.0',
        });
    }
  });

  it('flags exactly those without live or without another, and one without anything', async () => {
    const flagged = [...(await list()).values()].filter(({ flags }) =>
      flags.includes('below-minimum-of-two'),
    );
    expect(flagged.map(({ slug }) => slug)).toEqual([...FEW, 'empty']);
    expect(FEW).toHaveLength(15);
  });

  it('says the flag in words, and a target by what decides it', async () => {
    expect((await cli('pin', 'c01-live', '1.0.0', '--reason', 'they asked'))[0]).toBe(0);
    const [, text] = await cli('customers');
    expect(text).toMatch(
      /^c00 +c00-live +live +1\.0\.0 +channel release, which offers 2\.0\.0 +below the minimum of two$/m,
    );
    expect(text).toMatch(/^c01 +c01-live +live +1\.0\.0 +version 1\.0\.0 by a pin$/m);
    expect(text).toMatch(/^ +c01-uat +uat +1\.0\.0 +channel release, which offers 2\.0\.0$/m);
    expect(text).toMatch(/^empty +– +– +– +– +below the minimum of two$/m);
    expect(text).toMatch(/\n41 customers with 100 instances; 16 below the minimum of two\.$/);
  });

  it('is warned about when the files are applied, at the line that names the customer', async () => {
    const [, text] = await cli('apply', '-f', directory, '--dry-run');
    const warned = text.split('\n').filter((line) => line.includes('warning: '));
    expect(warned).toHaveLength(16);
    const fault = (slug: string, missing: string) =>
      expect.stringMatching(new RegExp(`^warning: \\S*/${slug}\\.yaml:1:11: the customer .${slug}. has ${missing}: below the minimum of two`)); // prettier-ignore
    expect(warned).toContainEqual(fault('c00', 'only a live instance'));
    expect(warned).toContainEqual(fault('c04', 'no live instance'));
    expect(warned).toContainEqual(fault('c05', 'no live instance'));
    expect(warned).toContainEqual(fault('empty', 'no instance'));
  });
});
