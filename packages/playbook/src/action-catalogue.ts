/**
 * The families that an instance binds to drivers, and what each verb says of itself. Playbooks are checked against these
 * flags without any driver at hand; a driver that claims other flags for the same verb is wrong. No product is named here.
 */
import { LOOKS, type ActionFlags } from '@sitelift/domain/run/plan.ts';

export type ActionCatalogue = ReadonlyMap<string, ActionFlags>;

/** Changes something; doing it again does no more. */
const CHANGES: ActionFlags = { ...LOOKS, mutates: true };
const DISRUPTS: ActionFlags = { ...CHANGES, disruptive: true };

export const ACTION_CATALOGUE: ActionCatalogue = new Map<string, ActionFlags>([
  // Closing is what makes room for disruption; it is not itself "between closing and opening".
  ['proxy/close', { ...CHANGES, closesSite: true }],
  ['proxy/switch', { ...CHANGES, switchesTraffic: true }],
  ['proxy/open', { ...CHANGES, opensSite: true }],
  ['proxy/probe', LOOKS],
  // A dump reads; each one is a new file, so a second one is harmless but not the same.
  ['database/backup', { ...LOOKS, idempotent: false }],
  ['database/prove', LOOKS],
  // Beside the site, like a proof: what going back to the run's backup would lose.
  ['database/loss', LOOKS],
  // Half a migration twice is nobody's promise: observed before every repeat.
  ['database/migrate', { ...DISRUPTS, idempotent: false, destructive: true }],
  ['database/restore', { ...DISRUPTS, destructive: true }],
  ['app/stage', CHANGES],
  ['app/unstage', CHANGES],
  // Beside the serving slot nobody notices a start; a playbook that starts the serving one says `disruptive`.
  ['app/start', CHANGES],
  ['app/stop', DISRUPTS],
  ['app/probe', LOOKS],
  ['files/backup', { ...LOOKS, idempotent: false }],
  ['files/put', DISRUPTS],
  ['files/restore', { ...DISRUPTS, destructive: true }],
  ['files/remove', { ...DISRUPTS, destructive: true }],
  ['dns/lower-ttl', CHANGES],
  // Guarded like an opening (semantics 9).
  ['dns/switch', { ...CHANGES, switchesTraffic: true }],
  ['dns/probe', LOOKS],
  ['check/http', LOOKS],
  // The vendor's own script: what it does is unknown, so nothing good is assumed of a repeat.
  ['exec/run', { ...CHANGES, idempotent: false }],
]);
