/** A small fleet as its files would give it, for tests: two customers with live and uat, one product, a window, a freeze. */
import type {
  FleetCustomer,
  FleetFiles,
  FleetInstance,
  FleetPin,
  FleetRelease,
  Place,
} from '@sitelift/playbook/fleet-file.ts';
import { parsePlaybook } from '@sitelift/playbook/parse-playbook.ts';
import type { Playbook } from '@sitelift/playbook/playbook.ts';

export function at(line: number, path = 'fleet.yaml'): Place {
  return { path, line, column: 1 };
}

export function samplePlaybook(name = 'tiny', recover: string | null = null): Playbook {
  const text = `playbook: ${name}
title: Tiny
steps:
  - { id: look, title: Look, uses: check/http, expect: 10s }
${recover === null ? '' : `recover: ${recover}\n`}`;
  const parsed = parsePlaybook(text, `${name}.yaml`);
  if ('errors' in parsed) throw new Error(parsed.errors.map(({ message }) => message).join('; '));
  return parsed.playbook;
}

export function sampleRelease(version: string, more: Partial<FleetRelease> = {}): FleetRelease {
  return {
    product: 'shop',
    version,
    kind: 'minor',
    artefact: { kind: 'npm', package: 'shop', version, integrity: null },
    notes: null,
    needsDowntime: true,
    risky: false,
    smokeTest: 'passed',
    channels: [],
    place: at(20),
    ...more,
  };
}

export function sampleCustomer(slug: string, more: Partial<FleetCustomer> = {}): FleetCustomer {
  const contacts = [{ name: 'Ada', email: `ada@${slug}.example`, roles: ['primary'] as const }];
  return { slug, name: slug, contacts, policy: [], place: at(1, `${slug}.yaml`), ...more };
}

export function sampleInstance(slug: string, more: Partial<FleetInstance> = {}): FleetInstance {
  const [customer = slug, role] = slug.split('-');
  const path = `${customer}.yaml`;
  return {
    slug,
    customer,
    role: role === 'live' ? 'live' : 'uat',
    product: 'shop',
    url: `http://${slug}.example/`,
    zone: 'Europe/Amsterdam',
    labels: ['eu'],
    host: null,
    target: { kind: 'channel', channel: 'release' },
    pin: null,
    settings: {},
    bindings: { check: { driver: 'http' } },
    bindingPlaces: { check: at(9, path) },
    policy: [],
    place: at(5, path),
    ...more,
  };
}

export function sampleFleet(more: Partial<FleetFiles> = {}): FleetFiles {
  const product = { slug: 'shop', name: 'Shop', playbook: 'tiny', bindings: {}, settings: {}, place: at(2) };
  return {
    products: [product],
    releases: [sampleRelease('1.0.0', { channels: ['release', 'stable'] }), sampleRelease('2.0.0', { channels: ['release'] })],
    customers: [sampleCustomer('north'), sampleCustomer('south')],
    instances: ['north-live', 'north-uat', 'south-live', 'south-uat'].map((slug) => sampleInstance(slug)),
    windows: [
      {
        slug: 'nightly',
        scope: { kind: 'fleet' },
        days: ['mon', 'tue'],
        start: '02:00',
        zone: 'site',
        lengthMs: 7_200_000,
        cutOffMs: 1_800_000,
        place: at(40),
      },
    ],
    freezes: [
      {
        slug: 'year-end',
        scope: { kind: 'customer', customer: 'south' },
        fromAt: Date.UTC(2030, 11, 20),
        untilAt: Date.UTC(2031, 0, 2),
        reason: 'closing the books',
        owner: 'ada@south.example',
        place: at(50),
      },
    ],
    policy: [{ key: 'P3', role: null, kind: null, value: 'any-time', final: false }],
    playbooks: [samplePlaybook()],
    warnings: [],
    ...more,
  };
} // prettier-ignore

export const SAMPLE_PIN: FleetPin = {
  version: '1.0.0',
  owner: 'ada@north.example',
  reason: 'audit',
  ends: { kind: 'channel-reaches', channel: 'release' },
  place: at(12, 'north.yaml'),
};

/** The sample fleet with this pin, or none, on `north-live`. */
export function withPin(pin: FleetPin | null): FleetFiles {
  const instances = sampleFleet().instances.map((each) =>
    each.slug === 'north-live' ? { ...each, pin } : each,
  );
  return sampleFleet({ instances });
}
