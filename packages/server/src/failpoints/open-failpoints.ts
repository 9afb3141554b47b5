/**
 * Armed failpoints of a process. Whoever reaches one first in an installation leaves `<data directory>/failpoints/<name>.hit`
 * and is stopped there; everybody else passes, so that whoever takes the work over is not stopped in the same place. A
 * blocked one goes on when the test writes `<name>.go`.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Database } from '../db/database.ts';
import {
  markerOf,
  parseFailpoints,
  type Boundary,
  type Failpoint,
  type FailpointAction,
} from './parse-failpoints.ts';

const LOOK_EVERY_MS = 10;

export interface Place {
  readonly instance: string;
  /** Empty where the boundary belongs to no step. */
  readonly step: string;
}

export interface Failpoints {
  /**
   * Says that this process is at a boundary. It may never come back from there; else it tells whether it was held up.
   * `only`: a boundary that two places stand for, one for each action.
   */
  reach(boundary: Boundary, place: Place, only?: FailpointAction): Promise<boolean>;
}

function claim(marker: string, place: Place): boolean {
  try {
    // `wx`: of several processes exactly one succeeds.
    writeFileSync(`${marker}.hit`, JSON.stringify({ ...place, pid: process.pid }), { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}

/** Ends this process between two instructions: nothing of it runs any more, also no `finally`. */
function killOurselves(): Promise<never> {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => {});
}

export function armFailpoints(points: readonly Failpoint[], directory: string): Failpoints {
  mkdirSync(directory, { recursive: true });
  const times = new Map<Failpoint, number>();
  return {
    reach: async (boundary, place, only) => {
      let heldUp = false;
      for (const point of points) {
        if (point.boundary !== boundary || (only !== undefined && point.action !== only)) continue;
        if (point.instance !== null && point.instance !== place.instance) continue;
        if (point.step !== null && point.step !== place.step) continue;
        const count = (times.get(point) ?? 0) + 1;
        times.set(point, count);
        const marker = join(directory, markerOf(point));
        if (count !== point.nth || !claim(marker, place)) continue;
        if (point.action === 'kill9') await killOurselves();
        while (!existsSync(`${marker}.go`)) await pause(LOOK_EVERY_MS);
        heldUp = true;
      }
      return heldUp;
    },
  };
}

/** Refused (null) outside of a database that was created as a test database: its name says so, as for the clock. */
export async function openFailpoints(
  db: Database,
  text: string,
  directory: string,
): Promise<Failpoints | null> {
  const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(db);
  const points = parseFailpoints(text);
  if (points === null || rows[0]?.name.startsWith('sitelift_test_') !== true) return null;
  return armFailpoints(points, directory);
}
