/**
 * Ids carry their kind as a prefix (`inst_`, `cust_`, …), so that another kind's id is refused before any look-up
 * (reliability I-29). This module only types and recognises them; random parts are made outside the domain.
 */
export type IdKind =
  | 'cust'
  | 'inst'
  | 'prod'
  | 'rel'
  | 'plc'
  | 'pin'
  | 'frz'
  | 'win'
  | 'hold'
  | 'upg'
  | 'run'
  | 'bkp'
  | 'ntc'
  | 'acc'
  | 'tok';

export type Id<K extends IdKind> = `${K}_${string}`;
export type CustomerId = Id<'cust'>;
export type InstanceId = Id<'inst'>;
export type ProductId = Id<'prod'>;
export type ReleaseId = Id<'rel'>;
export type PlacementId = Id<'plc'>;
export type PinId = Id<'pin'>;
export type FreezeId = Id<'frz'>;
export type WindowId = Id<'win'>;
export type HoldId = Id<'hold'>;
export type UpgradeId = Id<'upg'>;
export type RunId = Id<'run'>;
export type BackupId = Id<'bkp'>;

/** 26 lower-case base-32 characters: 48 bits of time, 80 random bits (a lower-case ULID), so ids sort by creation. */
const RANDOM_PART = /^[0-9a-hjkmnp-tv-z]{26}$/;

/** True when `text` is a well-formed id of exactly this kind. */
export function isId<K extends IdKind>(kind: K, text: string): text is Id<K> {
  return text.startsWith(`${kind}_`) && RANDOM_PART.test(text.slice(kind.length + 1));
}
