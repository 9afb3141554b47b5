/**
 * The oracle: what the sites themselves wrote down. It knows nothing of Sitelift's rows but the run's id, and shares no code
 * with it.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Line {
  readonly kind: string;
  readonly at: number;
  readonly run: string;
  readonly step: string;
  readonly fence: number;
  readonly pid: number;
  readonly effect: string;
}

const NS_PER_MS = 1_000_000;

export async function readLines(dir: string, slug: string): Promise<readonly Line[]> {
  const text = await readFile(join(dir, `${slug}.log`), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [kind = '', ns = '0', run = '', step = '', fence = '0', pid = '0', effect = ''] = line.split(' ');
      return { kind, at: Number(ns) / NS_PER_MS, run, step, fence: Number(fence), pid: Number(pid), effect };
    });
}

/** What the site is now, by key. */
export function siteOf(lines: readonly Line[]): Readonly<Record<string, string>> {
  const effects = lines.filter(({ kind }) => kind === 'effect').map(({ effect }) => effect);
  return Object.fromEntries(effects.map((effect) => effect.split(/=(.*)/).slice(0, 2) as [string, string])); // as: the script writes `key=value`
}

/** The version that people reach, and null while the maintenance page is up. */
export function servedBy(lines: readonly Line[]): string | null {
  const site = siteOf(lines);
  const running = site[`running.${site['slot'] ?? ''}`];
  return site['open'] === 'yes' && running === site['schema'] ? (running ?? null) : null;
}

/** How often a step of a run took effect. */
export function effectsOf(lines: readonly Line[], step: string): number {
  return lines.filter((line) => line.kind === 'effect' && line.step === step).length;
}

/**
 * Breaches of I-1 and I-2: a script that began while another one of the site was alive (seen by the script itself), one that
 * began between begin and end of another, one with an older fence than a line before it.
 */
export function breachesOf(lines: readonly Line[]): readonly string[] {
  const found = lines
    .filter(({ kind }) => kind === 'overlap')
    .map((line) => `overlap: ${JSON.stringify(line)}`);
  const ends = new Map(lines.filter(({ kind }) => kind === 'end').map((line) => [line.pid, line.at]));
  let last: Line | null = null;
  let fence = 0;
  for (const line of lines) {
    if (line.kind === 'refused') continue;
    if (line.fence < fence) found.push(`fence ${line.fence} after ${fence}: ${JSON.stringify(line)}`);
    fence = Math.max(fence, line.fence);
    if (line.kind !== 'begin') continue;
    // Who was killed has no end; that it was dead when the next one began, that one has looked.
    if (last !== null && (ends.get(last.pid) ?? 0) > line.at)
      found.push(`overlap: ${JSON.stringify([last, line])}`);
    last = line;
  }
  return found;
}
