/**
 * The two hashes of semantics 1. `contentHash` is what people sign: playbook, release, inputs, policy, from-version.
 * `scheduleHash` is what they book: the window. Canonical JSON (RFC 8785), SHA-256, hex.
 */
import { createHash } from 'node:crypto';
import type { RunPlan } from '@sitelift/domain/run/plan.ts';
import canonicalize from 'canonicalize';

function sha256(value: unknown): string {
  return createHash('sha256')
    .update(canonicalize(value) ?? '')
    .digest('hex');
}

export function hashPlan(plan: RunPlan): { readonly contentHash: string; readonly scheduleHash: string } {
  const { window, ...content } = plan;
  return { contentHash: sha256(content), scheduleHash: sha256({ window }) };
}
