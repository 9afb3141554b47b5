/**
 * The second opinion on what an instance should run, and on policies: plain walks over the snapshot and versions compared as
 * sortable texts. It shares no code with `resolve-target.ts`, `version-order.ts` or `effective-policy.ts`.
 */
import type { Instance, Pin, ReleaseKind } from '../fleet/fleet.ts';
import type { ProductId } from '../ids.ts';
import type { PolicyKey, PolicyValue } from '../policy/policy.ts';
import type { EpochMs } from '../time/instant.ts';
import type { FleetSnapshot } from './snapshot.ts';

const NUMBERS = 12;
const DIGITS = 100;

function pad(digits: string): string {
  return digits.replace(/^0+/, '').padStart(DIGITS, '0');
}

const keys = new Map<string, string>();
const REMEMBERED = 50_000;

/** A text that sorts as the version does: padded numbers, then `0` and the prerelease, or `1` for a release. */
function sortKey(version: string): string {
  const known = keys.get(version);
  if (known !== undefined) return known;
  const [bare = ''] = version.split('+');
  const [core = '', ...rest] = bare.split('-');
  const numbers = [...core.split('.'), ...Array.from({ length: NUMBERS }, () => '0')]
    .slice(0, NUMBERS)
    .map(pad);
  const tags = rest.join('-').split('.').map((tag) => (/^\d+$/.test(tag) ? `1${pad(tag)}` : `2${tag}`)); // prettier-ignore
  const key = `${numbers.join('.')}${rest.length > 0 ? `0${tags.join('\u0001')}` : '1'}`;
  if (keys.size >= REMEMBERED) keys.clear();
  keys.set(version, key);
  return key;
}

export function isLower(a: string, b: string): boolean {
  return sortKey(a) < sortKey(b);
}

export function isSame(a: string, b: string): boolean {
  return sortKey(a) === sortKey(b);
}

/** The highest version that counts of each product and channel, found by one walk over the placements. */
export type ChannelTops = ReadonlyMap<string, string>;

export function channelTops(snapshot: FleetSnapshot): ChannelTops {
  const usable = new Map(
    snapshot.releases
      .filter((one) => one.withdrawn === null && one.smokeTest !== 'failed')
      .map((one) => [one.id, one]),
  );
  const tops = new Map<string, string>();
  for (const { releaseId, channel } of snapshot.placements) {
    const release = usable.get(releaseId);
    const rank = snapshot.channels.find((one) => one.name === channel)?.rank;
    if (release === undefined || rank === undefined) continue;
    for (const farther of snapshot.channels) {
      if (farther.rank < rank) continue;
      const key = `${release.productId}/${farther.name}`;
      const top = tops.get(key);
      if (top === undefined || isLower(top, release.version)) tops.set(key, release.version);
    }
  }
  return tops;
}

function pinStands(tops: ChannelTops, productId: ProductId, pin: Pin, now: EpochMs): boolean {
  if (pin.ends.kind === 'at') return pin.ends.at > now;
  if (pin.ends.kind === 'never') return true;
  const top = tops.get(`${productId}/${pin.ends.channel}`);
  return top === undefined || isLower(top, pin.version);
}

/** The version that it should run, and whose word that is; null when nobody says one that exists. */
export function wantedVersion(
  tops: ChannelTops,
  instance: Instance,
  pins: readonly Pin[],
  now: EpochMs,
): { readonly version: string; readonly by: string } | null {
  const last = pins.reduce<Pin | null>(
    (latest, pin) => (latest === null || pin.setAt >= latest.setAt ? pin : latest),
    null,
  );
  if (last !== null && pinStands(tops, instance.productId, last, now))
    return { version: last.version, by: `its pin of ${last.owner}` };
  if (instance.target.kind === 'version') return { version: instance.target.version, by: 'its target' };
  const top = tops.get(`${instance.productId}/${instance.target.channel}`);
  return top === undefined ? null : { version: top, by: `channel ${instance.target.channel}` };
}

/** Every entry that speaks, weighed; the heaviest counts, of two alike the later. A final one silences lower levels. */
export function policyValue(
  { policy }: FleetSnapshot,
  instance: Instance,
  kind: ReleaseKind,
  key: PolicyKey,
): PolicyValue | undefined {
  const speaks = (entry: (typeof policy.vendor)[number]): boolean =>
    entry.key === key && [null, instance.role].includes(entry.role) && [null, kind].includes(entry.kind);
  const vendor = policy.vendor.filter(speaks);
  const others = vendor.some((entry) => entry.final)
    ? []
    : [policy.customers.get(instance.customerId) ?? [], policy.instances.get(instance.id) ?? []];
  const weighed = [vendor, ...others].flatMap((entries, level) =>
    entries.filter(speaks).map((entry) => ({
      entry,
      weight: level * 10 + (entry.kind === null ? 0 : 2) + (entry.role === null ? 0 : 1),
    })),
  );
  return weighed.toSorted((a, b) => a.weight - b.weight).at(-1)?.entry.value;
}
