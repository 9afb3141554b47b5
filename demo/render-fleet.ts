/**
 * Writes the sample fleet with this demo's own ports and paths. The files in demo/fleet are complete as they stand, for the
 * default ports and a data directory in `/var/lib/sitelift`; only a few words in them are replaced, so what a reader learns
 * from the sample is what is applied.
 */
import { cp, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { REPOSITORY } from './paths.ts';
import type { DemoPaths } from './paths.ts';
import type { SystemPrograms } from './system-packages.ts';
import { DEFAULT_PORTS, SITES, SLOTS, portOf } from './world-state.ts';
import type { WorldState } from './world-state.ts';

/** The words of the sample that stand for something of this machine. */
export interface FleetWords {
  /** Port in the sample to port of this demo. */
  readonly ports: ReadonlyMap<number, number>;
  /** Instead of `/var/lib/sitelift/demo`. */
  readonly root: string;
  readonly proxySocket: string;
  /** Instead of `demo/app` in the arguments of scripts. */
  readonly scripts: string;
  /** Instead of `node` at the head of an argument list. */
  readonly node: string;
  readonly postgresBin: string;
}

/** Pure. Paths are written as quoted strings, so that no character of theirs means anything to YAML. */
export function renderFleetFile(text: string, words: FleetWords): string {
  return text
    .replace(/(?<=[:\s])\d{4,5}(?=[\s,}'"/]|$)/g, (digits) =>
      String(words.ports.get(Number(digits)) ?? digits),
    )
    .replace(/\/var\/lib\/sitelift\/demo\/proxy\/admin\.sock/g, () => JSON.stringify(words.proxySocket))
    .replace(/\/var\/lib\/sitelift\/demo((?:\/[\w.-]+)*)/g, (_, rest: string) =>
      JSON.stringify(`${words.root}${rest}`),
    )
    .replace(/(?<![\w/])demo\/app\/([\w.-]+)/g, (_, file: string) =>
      JSON.stringify(join(words.scripts, file)),
    )
    .replace(/\[node,/g, () => `[${JSON.stringify(words.node)},`)
    .replace(/\/usr\/lib\/postgresql\/15\/bin/g, () => JSON.stringify(words.postgresBin));
}

function wordsOf(paths: DemoPaths, state: WorldState, programs: SystemPrograms): FleetWords {
  const ports = new Map<number, number>([
    [DEFAULT_PORTS.proxy, state.ports.proxy],
    [DEFAULT_PORTS.postgres, state.ports.postgres],
  ]);
  for (const [index, { slug }] of SITES.entries())
    for (const [offset, slot] of SLOTS.entries())
      ports.set(DEFAULT_PORTS.applications + 2 * index + offset, portOf(state, slug, slot));
  return {
    ports,
    root: paths.root,
    proxySocket: paths.proxySocket,
    scripts: join(REPOSITORY, 'demo/app'),
    node: process.execPath,
    postgresBin: programs.postgresBin,
  };
}

/** Makes `<data>/demo/fleet` anew: the sample's files and the playbooks that ship. */
export async function renderFleet(
  paths: DemoPaths,
  state: WorldState,
  programs: SystemPrograms,
): Promise<void> {
  const words = wordsOf(paths, state, programs);
  const sample = join(REPOSITORY, 'demo/fleet');
  const fresh = `${paths.fleet}.new`;
  await rm(fresh, { recursive: true, force: true });
  for (const file of await readdir(sample, { recursive: true })) {
    if (!file.endsWith('.yaml')) continue;
    const target = join(fresh, file);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, renderFleetFile(await readFile(join(sample, file), 'utf8'), words));
  }
  await cp(join(REPOSITORY, 'playbooks'), join(fresh, 'playbooks'), { recursive: true }).catch(() => {
    // A checkout without the playbooks still shows its world; `apply` then names the one that is missing.
  });
  await rm(paths.fleet, { recursive: true, force: true });
  await rename(fresh, paths.fleet);
}
