/**
 * A customer has a live instance and at least one other (C1, C2): without the other an upgrade of live is the first time that
 * anybody tries it, and without live nothing is tried for anybody. Neither is refused, since fleets are brought in piece by
 * piece; it is said wherever the customer is looked at.
 */
import type { EnvironmentRole } from './fleet.ts';

/** What a customer is marked with. Never renamed once released. */
export const CUSTOMER_FLAGS = ['below-minimum-of-two'] as const;
export type CustomerFlag = (typeof CUSTOMER_FLAGS)[number];

/** As people read it. */
export const FLAG_WORDS: Readonly<Record<CustomerFlag, string>> = {
  'below-minimum-of-two': 'below the minimum of two',
};

/** What is missing, to follow "the customer north has …"; null when the customer has live and another. */
export function missingOfTwo(roles: Iterable<EnvironmentRole>): string | null {
  const all = [...roles];
  if (all.length === 0) return 'no instance';
  if (!all.includes('live')) return 'no live instance';
  return all.some((role) => role !== 'live') ? null : 'only a live instance';
}

export function customerFlags(roles: Iterable<EnvironmentRole>): readonly CustomerFlag[] {
  return missingOfTwo(roles) === null ? [] : ['below-minimum-of-two'];
}
