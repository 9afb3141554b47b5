/**
 * The plans of the Yard: the playbooks that ship, and two more that other rules need (a backup before closing; a release
 * without downtime). Made by the product's own parser and freezer.
 */
import { readFileSync } from 'node:fs';
import type { RunPlan } from '@sitelift/domain/run/plan.ts';
import { parsePlaybook } from '@sitelift/playbook/parse-playbook.ts';
import type { Playbook } from '@sitelift/playbook/playbook.ts';
import { freezePlan } from '../../packages/server/src/upgrades/freeze-plan.ts';
import type { Dice } from './dice.ts';

const SHIPPED = new URL('../../playbooks/', import.meta.url);

const EARLY_BACKUP = `
playbook: early-backup
title: Back up while users write, then close
steps:
  - { id: stage, title: Stage, uses: app/stage, undo: app/unstage, expect: 10s }
  - { id: backup, title: Back up, uses: database/backup, require: restored, expect: 10s }
  - { id: close, title: Close, uses: proxy/close, undo: proxy/open, expect: 10s }
  - id: stop
    title: Stop
    uses: app/stop
    with: { slot: live }
    undo: { uses: app/start, with: { slot: live, version: from } }
    expect: 10s
  - { id: migrate, title: Migrate, uses: database/migrate, pointOfNoReturn: true, expect: 10s }
  - { id: start, title: Start, uses: app/start, with: { slot: staging, version: to }, expect: 10s }
  - { id: probe, title: Probe, uses: app/probe, with: { slot: staging, expect: to }, expect: 10s }
  - { id: switch, title: Switch, uses: proxy/switch, with: { to: staging }, expect: 10s }
  - { id: open, title: Open, uses: proxy/open, expect: 10s }
recover: restore-and-reopen
`;

const NO_DOWNTIME = `
playbook: no-downtime
title: The new code beside the old, then the traffic
steps:
  - { id: stage, title: Stage, uses: app/stage, undo: app/unstage, expect: 10s }
  - id: start
    title: Start
    uses: app/start
    with: { slot: staging, version: to }
    undo: { uses: app/stop, with: { slot: staging } }
    expect: 10s
  - { id: probe, title: Probe, uses: app/probe, with: { slot: staging, expect: to }, expect: 10s }
  - id: switch
    title: Switch
    uses: proxy/switch
    with: { to: staging }
    undo: { uses: proxy/switch, with: { to: live } }
    expect: 10s
`;

function parsed(name: string, text: string): Playbook {
  const result = parsePlaybook(text, `${name}.yaml`);
  if ('errors' in result) throw new Error(JSON.stringify(result.errors));
  return result.playbook;
}

function shipped(name: string): Playbook {
  return parsed(name, readFileSync(new URL(`${name}.yaml`, SHIPPED), 'utf8'));
}

const PLAYBOOKS = {
  'overnight-channel': shipped('overnight-channel'),
  'upgrade-in-place': shipped('upgrade-in-place'),
  'early-backup': parsed('early-backup', EARLY_BACKUP),
  'no-downtime': parsed('no-downtime', NO_DOWNTIME),
} as const;
const RECOVERY = shipped('restore-and-reopen');

/** An attempt may hang this long; the shipped limits are hours, which only make a trace longer. */
const LONGEST_ATTEMPT_MS = 120_000;

export interface YardPlan {
  readonly plan: RunPlan;
  /** Schema that each version needs. */
  readonly needs: Readonly<Record<string, string>>;
}

function ref(playbook: string): RunPlan['playbook'] {
  return { name: playbook, title: playbook, digest: '0'.repeat(64) };
}

export function drawPlan(dice: Dice, site: number): YardPlan {
  const name = dice.pick([
    'overnight-channel',
    'overnight-channel',
    'upgrade-in-place',
    'upgrade-in-place',
    'early-backup',
    'no-downtime',
  ] as const);
  const playbook = PLAYBOOKS[name];
  const retries = dice.pick([null, 0, 1, 2] as const);
  const anyTime = name === 'upgrade-in-place' || dice.chance(0.5);
  const suffix = String(site).padStart(26, '0');
  const frozen = freezePlan(
    {
      playbook: { ref: ref(name), playbook },
      recover: playbook.recover === null ? null : { ref: ref('restore-and-reopen'), playbook: RECOVERY },
      customer: { id: `cust_${suffix}`, slug: `customer-${site}`, name: 'Customer', contacts: [] },
      instance: {
        id: `inst_${suffix}`,
        slug: `site-${site}`,
        role: 'live',
        url: 'http://site.localhost/',
        zone: 'Europe/Amsterdam',
        host: null,
        settings: {},
      },
      bindings: {},
      product: 'sample',
      from: { version: '1.0', artefact: null },
      release: {
        id: `rel_${suffix}`,
        version: '2.0',
        kind: 'major',
        artefact: { kind: 'npm', package: 'sample', version: '2.0', integrity: null },
        needsDowntime: name !== 'no-downtime',
      },
      slots: { live: 'blue', staging: 'green' },
      window: null,
      anyTime,
      backup: {
        maxAgeMs: 4 * 3_600_000,
        grade: 'restored',
        acceptedLossMs: dice.pick([0, 0, 10_000, 3_600_000]),
      },
    },
    () => ({ driver: 'yard', config: {} }),
  );
  if ('problems' in frozen) throw new Error(frozen.problems.join('; '));
  const steps = (planned: RunPlan['steps']): RunPlan['steps'] =>
    planned.map((step) => {
      const timeoutMs = Math.min(step.timeoutMs, LONGEST_ATTEMPT_MS);
      if (step.kind !== 'uses' || retries === null) return { ...step, timeoutMs };
      return { ...step, timeoutMs, retry: { ...step.retry, times: retries } };
    });
  const { plan } = frozen;
  return {
    plan: {
      ...plan,
      steps: steps(plan.steps),
      recover: plan.recover === null ? null : { ...plan.recover, steps: steps(plan.recover.steps) },
    },
    needs: { '1.0': 's1', '2.0': name === 'no-downtime' ? 's1' : 's2' },
  };
}
