/**
 * The first instant from which work of a known length ends inside a maintenance window, its cut-off not passed (semantics 7).
 * Of several windows the one that lets it start soonest counts; of two that start alike the one that closes later.
 */
import type { MaintenanceWindow, WindowOccurrence } from '../fleet/fleet.ts';
import type { EpochMs } from './instant.ts';
import { windowAt } from './window-occurrences.ts';

export interface Fit {
  readonly window: WindowOccurrence;
  readonly startsAt: EpochMs;
}

function fitInWindow(window: MaintenanceWindow, siteZone: string, from: EpochMs, needMs: number): Fit | null {
  // Its length is exact elapsed time on every night, so what is too long for one night is too long for all.
  if (needMs > window.lengthMs || window.lengthMs <= 0) return null;
  for (let at = from; ;) {
    const found = windowAt(window, siteZone, at);
    if (found === null) return null;
    const startsAt = Math.max(from, found.opensAt);
    if (startsAt + needMs <= found.closesAt) return { window: found, startsAt };
    at = found.closesAt;
  }
}

/** `needMs` from closing to opening plus the way back. Null when it never fits, or no window comes round in the horizon. */
export function firstFit(
  windows: readonly MaintenanceWindow[],
  siteZone: string,
  from: EpochMs,
  needMs: number,
): Fit | null {
  let best: Fit | null = null;
  for (const window of windows) {
    const fit = fitInWindow(window, siteZone, from, needMs);
    if (fit === null) continue;
    const isBetter =
      best === null ||
      fit.startsAt < best.startsAt ||
      (fit.startsAt === best.startsAt && fit.window.closesAt > best.window.closesAt);
    if (isBetter) best = fit;
  }
  return best;
}
