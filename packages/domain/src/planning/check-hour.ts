/**
 * The second opinion on the hour of a start, by other means than the planner's: wall clocks from `Intl` instead of Temporal,
 * and every day tried that could matter. It shares no code with `time/`, so that a mistake there shows here.
 */
import type { Instance, MaintenanceWindow, Scope } from '../fleet/fleet.ts';
import type { EpochMs } from '../time/instant.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
/** `Date.getUTCDay()` counts from Sunday. */
const DAY_NAMES = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

const clocks = new Map<string, Intl.DateTimeFormat>();

/** What a clock on the wall shows in the zone, written as if it were UTC. Throws a RangeError for an unknown zone. */
function wall(at: EpochMs, zone: string): number {
  let clock = clocks.get(zone);
  if (clock === undefined) {
    clock = new Intl.DateTimeFormat('en-US', {
      timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit',
    }); // prettier-ignore
    clocks.set(zone, clock);
  }
  const shown = new Map<string, number>(
    clock.formatToParts(at).map(({ type, value }) => [type, Number(value)]),
  );
  const part = (name: string): number => shown.get(name) ?? 0;
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
}

/** The first instant at which the wall shows `wanted`; in a gap the first after it. `wanted` is written as if UTC. */
function firstInstant(wanted: number, zone: string): EpochMs {
  const offsets = [wanted - DAY, wanted + DAY].map((at) => wall(at, zone) - at);
  const exact = offsets.map((offset) => wanted - offset).filter((at) => wall(at, zone) === wanted);
  if (exact.length > 0) return Math.min(...exact);
  let at = wanted - Math.max(...offsets);
  while (wall(at, zone) < wanted) at += MINUTE;
  return at;
}

const opened = new Map<string, EpochMs>();
const REMEMBERED = 50_000;

function opensOn(day: number, start: string, zone: string): EpochMs {
  const key = `${day} ${start} ${zone}`;
  const known = opened.get(key);
  if (known !== undefined) return known;
  const [hours = 0, minutes = 0] = start.split(':').map(Number);
  const at = firstInstant(day + (hours * 60 + minutes) * MINUTE, zone);
  if (opened.size >= REMEMBERED) opened.clear();
  opened.set(key, at);
  return at;
}

function isOpenFor(window: MaintenanceWindow, siteZone: string, now: EpochMs, needMs: number): boolean {
  const zone = window.zone === 'site' ? siteZone : window.zone;
  const shown = wall(now, zone);
  const today = shown - (((shown % DAY) + DAY) % DAY);
  for (let day = today; day >= today - window.lengthMs - 2 * DAY; day -= DAY) {
    const name = DAY_NAMES[new Date(day).getUTCDay()];
    if (name === undefined || !window.days.includes(name)) continue;
    const opensAt = opensOn(day, window.start, zone);
    const closesAt = opensAt + window.lengthMs;
    const cutOffAt = Math.max(opensAt, closesAt - window.cutOffMs);
    if (opensAt <= now && now <= cutOffAt && now < closesAt && now + needMs <= closesAt) return true;
  }
  return false;
}

/** Rules by whom they speak of, so that a start looks at its own and not at everybody's. */
export type ByScope<T> = ReadonlyMap<string, readonly T[]>;

export function groupByScope<T extends { readonly scope: Scope }>(rules: readonly T[]): ByScope<T> {
  const groups = new Map<string, T[]>();
  for (const rule of rules) {
    const { kind, ...of } = rule.scope;
    const key = [kind, ...Object.values(of)].join(':');
    groups.set(key, [...(groups.get(key) ?? []), rule]);
  }
  return groups;
}

/** From the widest scope to the narrowest: fleet, labels, customer, instance. */
export function rulesOf<T>(instance: Instance, rules: ByScope<T>): readonly (readonly T[])[] {
  const ofLabels = instance.labels.flatMap((label) => rules.get(`label:${label}`) ?? []);
  const of = (key: string): readonly T[] => rules.get(key) ?? [];
  return [of('fleet'), ofLabels, of(`customer:${instance.customerId}`), of(`instance:${instance.id}`)];
}

/** What is wrong with a start of this instance now, that needs so long; null when nothing is. */
export function checkHour(
  instance: Instance,
  windows: ByScope<MaintenanceWindow>,
  now: EpochMs,
  needMs: number,
): string | null {
  const mine = rulesOf(instance, windows).findLast((some) => some.length > 0);
  if (mine === undefined) return 'no maintenance window speaks of it';
  try {
    const isOpen = mine.some((window) => isOpenFor(window, instance.zone, now, needMs));
    return isOpen
      ? null
      : 'no maintenance window is open for as long as it needs, with its cut-off still to come';
  } catch (error) {
    return `its maintenance window cannot be placed in time (${error instanceof Error ? error.message : 'unknown zone'})`;
  }
}
