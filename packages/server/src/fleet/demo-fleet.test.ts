import { readdir, readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseFleet } from '@sitelift/playbook/parse-fleet.ts';
import type { FleetFiles } from '@sitelift/playbook/fleet-file.ts';
import { parsePlaybook } from '@sitelift/playbook/parse-playbook.ts';
import { loadSnapshot } from '../planning/load-snapshot.ts';
import { createFleetBed, type FleetBed } from './fleet-bed.ts';

const ROOT = new URL('../../../../', import.meta.url);

async function readDir(path: string): Promise<readonly { path: string; text: string }[]> {
  const names = (await readdir(new URL(path, ROOT))).filter((name) => name.endsWith('.yaml')).sort();
  return Promise.all(
    names.map(async (name) => ({
      path: name,
      text: await readFile(new URL(`${path}${name}`, ROOT), 'utf8'),
    })),
  );
}

async function demoFleet(): Promise<FleetFiles> {
  const shipped = (await readDir('playbooks/')).flatMap(({ path, text }) => {
    const parsed = parsePlaybook(text, path);
    return 'playbook' in parsed ? [parsed.playbook] : [];
  });
  const parsed = parseFleet(await readDir('demo/fleet/'), { shipped });
  if ('errors' in parsed) throw new Error(parsed.errors.map(({ message }) => message).join('; '));
  return parsed.fleet;
}

let bed: FleetBed;
beforeEach(async () => {
  bed = await createFleetBed();
});
afterEach(() => bed.test.drop());

describe('the sample fleet that ships', () => {
  it('applies as it stands, a second time without a change, and prune takes nothing of it', async () => {
    const files = await demoFleet();
    const first = await bed.apply(files);
    expect(first.errors).toEqual([]);
    expect(first.changes.filter(({ object }) => object === 'instance')).toHaveLength(8);
    const again = await bed.apply(files, { prune: true });
    expect(again.changes.filter(({ change }) => change !== 'keep')).toEqual([]);
  });

  it('stores its policies under their levels and its windows by scope', async () => {
    await bed.apply(await demoFleet());
    const snapshot = await loadSnapshot(bed.test.db, { upgradesAtOnce: 2 });
    expect(snapshot.policy.vendor.map(({ key }) => key)).toEqual(expect.arrayContaining(['P3', 'P28']));
    expect(snapshot.windows.map(({ scope }) => scope)).toEqual([{ kind: 'fleet' }]);
    const forecast = snapshot.forecasts.get('unleash');
    expect([(forecast?.closedMs ?? 0) > 0, (forecast?.wayBackMs ?? 0) > 0]).toEqual([true, true]);
  });

  it('binds every action of its playbook, for every instance', async () => {
    const asked = new Map<unknown, Set<string>>();
    await bed.apply(await demoFleet(), {
      bind: (bindings, action) => {
        asked.set(bindings, (asked.get(bindings) ?? new Set()).add(action));
        return { driver: 'x', config: {} };
      },
    });
    expect(asked.size).toBe(8);
    for (const actions of asked.values())
      expect([...actions]).toEqual(
        expect.arrayContaining([
          'proxy/close',
          'database/backup',
          'database/prove',
          'database/restore',
          'app/probe',
        ]),
      );
  });
});
