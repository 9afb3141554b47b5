/**
 * What an instance should run now: its pin while that stands, else its exact version, else the best release of its channel.
 *
 * A channel offers the highest version that lies in it or in any channel nearer to production (C6), so alpha >= beta >=
 * release >= stable holds whatever was placed where, and an empty beta falls back to release. Withdrawn releases and those
 * whose smoke test failed are not offered. Nothing enters a channel by age: only placements count, a person made each (C9).
 */
import type { Channel, Instance, Pin, Placement, Release } from '../fleet/fleet.ts';
import { compareVersions } from '../fleet/version-order.ts';
import type { ProductId } from '../ids.ts';
import type { EpochMs } from '../time/instant.ts';

/** The release that a channel offers of a product, and the channel in which it lies. */
export interface Offer {
  readonly release: Release;
  readonly from: string;
}

export interface ReleaseIndex {
  readonly find: (productId: ProductId, version: string) => Release | undefined;
  readonly hasChannel: (channel: string) => boolean;
  readonly offer: (productId: ProductId, channel: string) => Offer | undefined;
}

interface Releases {
  readonly releases: readonly Release[];
  readonly channels: readonly Channel[];
  readonly placements: readonly Pick<Placement, 'releaseId' | 'channel'>[];
}

function isOffered(release: Release): boolean {
  return release.withdrawn === null && release.smokeTest !== 'failed';
}

/** Reads releases, channels and open placements once; every later question is a look-up. */
export function indexReleases({ releases, channels, placements }: Releases): ReleaseIndex {
  const byId = new Map(releases.map((release) => [release.id, release]));
  const byVersion = new Map(releases.map((release) => [`${release.productId} ${release.version}`, release]));
  const ownBest = new Map<string, Release>();
  const products = new Set<ProductId>();
  for (const { releaseId, channel } of placements) {
    const release = byId.get(releaseId);
    if (release === undefined || !isOffered(release)) continue;
    products.add(release.productId);
    const key = `${release.productId} ${channel}`;
    const best = ownBest.get(key);
    if (best === undefined || compareVersions(release.version, best.version) > 0) ownBest.set(key, release);
  }
  const fromProduction = [...channels].sort((a, b) => a.rank - b.rank);
  const offers = new Map<string, Offer>();
  for (const productId of products) {
    let best: Offer | undefined;
    for (const { name } of fromProduction) {
      const own = ownBest.get(`${productId} ${name}`);
      // Of equal versions the channel's own is named, because that is where a person looks for it.
      if (
        own !== undefined &&
        (best === undefined || compareVersions(own.version, best.release.version) >= 0)
      )
        best = { release: own, from: name };
      if (best !== undefined) offers.set(`${productId} ${name}`, best);
    }
  }
  const known = new Set(channels.map((channel) => channel.name));
  return {
    find: (productId, version) => byVersion.get(`${productId} ${version}`),
    hasChannel: (channel) => known.has(channel),
    offer: (productId, channel) => offers.get(`${productId} ${channel}`),
  };
}

export type TargetProblem = 'unknown-channel' | 'no-version-in-channel' | 'unknown-version';

/** `why` completes "the target is …"; for a problem it is a sentence of its own. */
export type Choice =
  | { readonly kind: 'found'; readonly version: string; readonly release: Release; readonly why: string }
  | {
      readonly kind: 'problem';
      readonly code: TargetProblem;
      /** The version that was asked for, when one was. */
      readonly version: string | null;
      readonly why: string;
    };

export interface ResolvedTarget {
  readonly choice: Choice;
  /** The pin that decided; null when none stands. */
  readonly pin: Pin | null;
  /** A pin that has ended though nobody took it away yet, and why it has. */
  readonly ended: { readonly pin: Pin; readonly why: string } | null;
  /** What it would be without the pin; the same as `choice` when none stands. */
  readonly unpinned: Choice;
}

function exactly(index: ReleaseIndex, productId: ProductId, version: string, why: string): Choice {
  const release = index.find(productId, version);
  if (release !== undefined) return { kind: 'found', version, release, why };
  return {
    kind: 'problem',
    code: 'unknown-version',
    version,
    why: `there is no release ${version} of this product`,
  };
}

function unpinnedChoice(index: ReleaseIndex, instance: Pick<Instance, 'productId' | 'target'>): Choice {
  const { productId, target } = instance;
  if (target.kind === 'version')
    return exactly(index, productId, target.version, `version ${target.version}`);
  const { channel } = target;
  if (!index.hasChannel(channel))
    return { kind: 'problem', code: 'unknown-channel', version: null, why: `there is no channel ${channel}` };
  const offer = index.offer(productId, channel);
  if (offer === undefined) {
    const why = `channel ${channel} has no version of this product, nor has any channel nearer to production`;
    return { kind: 'problem', code: 'no-version-in-channel', version: null, why };
  }
  const { release, from } = offer;
  const why = `channel ${channel}, which offers ${release.version}${from === channel ? '' : ` (from ${from})`}`;
  return { kind: 'found', version: release.version, release, why };
}

/** Why a pin no longer counts, or null while it stands. A channel that is not known reaches nothing: the pin stands. */
export function pinEnded(index: ReleaseIndex, productId: ProductId, pin: Pin, now: EpochMs): string | null {
  switch (pin.ends.kind) {
    case 'never':
      return null;
    case 'at':
      return now >= pin.ends.at ? 'its end has passed' : null;
    case 'channel-reaches': {
      const offer = index.offer(productId, pin.ends.channel);
      if (offer === undefined || compareVersions(offer.release.version, pin.version) < 0) return null;
      return `channel ${pin.ends.channel} has reached it with ${offer.release.version}`;
    }
    default:
      return pin.ends satisfies never;
  }
}

export function resolveTarget(
  index: ReleaseIndex,
  instance: Pick<Instance, 'productId' | 'target'>,
  pin: Pin | undefined,
  now: EpochMs,
): ResolvedTarget {
  const unpinned = unpinnedChoice(index, instance);
  if (pin === undefined) return { choice: unpinned, pin: null, ended: null, unpinned };
  const why = pinEnded(index, instance.productId, pin, now);
  if (why !== null) return { choice: unpinned, pin: null, ended: { pin, why }, unpinned };
  const choice = exactly(index, instance.productId, pin.version, `version ${pin.version} by a pin`);
  return { choice, pin, ended: null, unpinned };
}
