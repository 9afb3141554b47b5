/**
 * The reason to show where there is room for one. Reasons begin with where the instance stands ("it runs 1.0, its target
 * is…"), which is no answer to "why does it not move?": what stands in the way is.
 */
import type { ReasonCode } from './decision.ts';

/** These tell where an instance stands, and hold nothing up. */
const STANDINGS: ReadonlySet<ReasonCode> = new Set([
  'at-target',
  'differs-from-target',
  'pin-ended',
  'stages',
]);

interface Coded {
  readonly code: ReasonCode;
}

/** What stands in the way; where nothing does, where it stands. */
export function reasonsInTheWay<R extends Coded>(reasons: readonly R[]): readonly R[] {
  const inTheWay = reasons.filter(({ code }) => !STANDINGS.has(code));
  return inTheWay.length > 0 ? inTheWay : reasons;
}
