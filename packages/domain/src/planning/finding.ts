/**
 * A reason with what it does to the decision: nothing (it only explains), or forcing at least a wait, a hold or a refusal.
 * The worst one is the verdict; all of them are told. `notBefore` bounds the start: null when no instant is known.
 */
import type { EpochMs } from '../time/instant.ts';
import type { Reason, ReasonCode } from './decision.ts';

export type Force = 'none' | 'wait' | 'hold' | 'refuse';

export interface Finding {
  readonly reason: Reason;
  readonly forces: Force;
  readonly notBefore: EpochMs | null;
}

interface Clears {
  readonly at?: EpochMs | null;
  readonly by?: string;
  /** When it differs from the instant at which the reason itself clears. */
  readonly notBefore?: EpochMs | null;
}

export function finding(code: ReasonCode, forces: Force, detail: string, clears: Clears = {}): Finding {
  const clearsAt = clears.at ?? null;
  return {
    reason: { code, detail, clearsAt, clearedBy: clears.by ?? null },
    forces,
    notBefore: clears.notBefore === undefined ? clearsAt : clears.notBefore,
  };
}

const WEIGHT: Readonly<Record<Force, number>> = { none: 0, wait: 1, hold: 2, refuse: 3 };

export function worstForce(findings: readonly Finding[]): Force {
  let worst: Force = 'none';
  for (const { forces } of findings) if (WEIGHT[forces] > WEIGHT[worst]) worst = forces;
  return worst;
}

/** What decides comes first: whoever reads one sentence reads that one. In the order found otherwise. */
export function reasonsOf(findings: readonly Finding[]): readonly Reason[] {
  const ordered = [...findings].sort((a, b) => WEIGHT[b.forces] - WEIGHT[a.forces]);
  return ordered.map((one) => one.reason);
}

/** The instant before which none of these lets go; null when one of them says no instant. `from` when nothing holds. */
export function freeFrom(findings: readonly Finding[], from: EpochMs): EpochMs | null {
  let latest = from;
  for (const { forces, notBefore } of findings) {
    if (forces === 'none') continue;
    if (notBefore === null) return null;
    latest = Math.max(latest, notBefore);
  }
  return latest;
}
