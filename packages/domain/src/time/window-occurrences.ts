/**
 * When the maintenance windows of an instance are open. A window's local start is resolved once per day to an instant; its
 * length is exact elapsed time, so a two-hour window has two hours on the nights the clocks change as well. Windows of the
 * most specific scope count: the instance's own, else its customer's, else its labels', else the fleet's.
 */
import { Temporal } from 'temporal-polyfill';
import type { Instance, MaintenanceWindow, Scope, Weekday, WindowOccurrence } from '../fleet/fleet.ts';
import { DAY_MS, type EpochMs } from './instant.ts';
import { resolveLocalTime } from './resolve-local-time.ts';

/** A weekly rule comes round within a week; further ahead than this nobody plans a night. */
export const HORIZON_MS = 35 * DAY_MS;

const EPOCH = Temporal.PlainDate.from('1970-01-01');
const WEEKDAY_FROM_EPOCH: readonly Weekday[] = ['thu', 'fri', 'sat', 'sun', 'mon', 'tue', 'wed'];

type Scoped = Pick<Instance, 'id' | 'customerId' | 'labels'>;

/** Does a rule with this scope speak of this instance? */
export function inScope(scope: Scope, instance: Scoped): boolean {
  switch (scope.kind) {
    case 'fleet':
      return true;
    case 'label':
      return instance.labels.includes(scope.label);
    case 'customer':
      return instance.customerId === scope.customerId;
    case 'instance':
      return instance.id === scope.instanceId;
    default:
      return scope satisfies never;
  }
}

const SPECIFICITY: readonly Scope['kind'][] = ['instance', 'customer', 'label', 'fleet'];

/** The windows that count for an instance: those of the most specific scope that has any. */
export function windowsOf(
  instance: Scoped,
  windows: readonly MaintenanceWindow[],
): readonly MaintenanceWindow[] {
  const mine = windows.filter((window) => inScope(window.scope, instance));
  for (const kind of SPECIFICITY) {
    const found = mine.filter((window) => window.scope.kind === kind);
    if (found.length > 0) return found;
  }
  return [];
}

/** Occurrences repeat for every instance with the same window and zone: resolved once per (window, zone, day). */
const resolved = new Map<string, EpochMs>();
/** Enough for every zone over the horizon; then it starts anew instead of growing for ever. */
const CACHE_LIMIT = 200_000;

/** Days are counted from 1970-01-01 (a Thursday); date arithmetic in the polyfill costs more than all the rest here. */
function startOn(window: MaintenanceWindow, zone: string, day: number): EpochMs {
  const key = `${window.start} ${zone} ${day}`;
  const known = resolved.get(key);
  if (known !== undefined) return known;
  if (resolved.size >= CACHE_LIMIT) resolved.clear();
  const at = resolveLocalTime(EPOCH.add({ days: day }), window.start, zone);
  resolved.set(key, at);
  return at;
}

/** The last local date asked for, per zone: a night asks for the same instant over and over. */
const todays = new Map<string, { readonly at: EpochMs; readonly day: number }>();

function localDay(at: EpochMs, zone: string): number {
  const known = todays.get(zone);
  if (known?.at === at) return known.day;
  const { year, month, day } = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
  const found = { at, day: Date.UTC(year, month - 1, day) / DAY_MS };
  todays.set(zone, found);
  return found.day;
}

function occurrence(window: MaintenanceWindow, opensAt: EpochMs): WindowOccurrence {
  const closesAt = opensAt + window.lengthMs;
  return { windowId: window.id, opensAt, closesAt, cutOffAt: Math.max(opensAt, closesAt - window.cutOffMs) };
}

/** The occurrence in which work may still start at `now` (end and cut-off not passed), or the next one within the horizon. */
export function windowAt(window: MaintenanceWindow, siteZone: string, now: EpochMs): WindowOccurrence | null {
  const zone = window.zone === 'site' ? siteZone : window.zone;
  const today = localDay(now, zone);
  const daysBack = Math.ceil(window.lengthMs / DAY_MS) + 1;
  const daysAhead = Math.ceil(HORIZON_MS / DAY_MS);
  for (let offset = -daysBack; offset <= daysAhead; offset += 1) {
    const day = today + offset;
    const weekday = WEEKDAY_FROM_EPOCH[((day % 7) + 7) % 7];
    if (weekday === undefined || !window.days.includes(weekday)) continue;
    const opensAt = startOn(window, zone, day);
    const found = occurrence(window, opensAt);
    if (found.closesAt > now && found.cutOffAt >= now) return found;
  }
  return null;
}

/** The best occurrence over several windows: an open one whose cut-off has not passed, else the earliest that opens. */
export function nextOccurrence(
  windows: readonly MaintenanceWindow[],
  siteZone: string,
  now: EpochMs,
): WindowOccurrence | null {
  const found = windows.flatMap((window) => windowAt(window, siteZone, now) ?? []);
  const open = found
    .filter((one) => one.opensAt <= now && now <= one.cutOffAt)
    .sort((a, b) => b.closesAt - a.closesAt);
  return (
    open[0] ??
    found.filter((one) => one.opensAt > now).sort((a, b) => a.opensAt - b.opensAt)[0] ??
    found[0] ??
    null
  );
}
