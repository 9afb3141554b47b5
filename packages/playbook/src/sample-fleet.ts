/** A small fleet with everything in it that the format knows, for the tests of this package and of whoever applies one. */
import type { FleetFileText } from './read-fleet-file.ts';

const PRODUCTS = `products:
  - product: shop
    name: Shop
    playbook: nightly
    bindings:
      proxy: { driver: haproxy, socket: /run/haproxy.sock }
      database: { driver: postgres, host: db.example.test, password: shop-db }
      app: { driver: exec, cwd: /srv/shop, env: { MODE: fast } }
      app/probe: { driver: http }
    settings: { slots: [blue, green], region: eu }
`;

const RELEASES = `releases:
  - product: shop
    version: 4.19.5
    kind: minor
    artefact: { npm: shop-server, version: 4.19.5, integrity: sha512-abc= }
    smokeTest: passed
  - product: shop
    version: 5.12.8
    kind: major
    artefact: { npm: "@acme/shop-server", version: 5.12.8 }
    notes: The new search.
    smokeTest: passed
    channels: [release, stable]
  - product: shop
    version: "5.13"
    kind: beta
    artefact: { digest: "sha256:${'a'.repeat(64)}", location: builds/5.13.tgz }
    needsDowntime: false
    risky: true
`;

const NORTH = `customer: north
name: North Example
contacts:
  - { name: Ann, email: ann@north.example.test, roles: [primary] }
  - { name: Bob, email: bob@north.example.test }
policy:
  P4: { acceptedLoss: 5m }
instances:
  - instance: north-live
    role: live
    product: shop
    url: https://shop.north.example.test/
    zone: Europe/Amsterdam
    labels: [big, eu]
    host: host-1
    target: stable
    pin: { version: 4.19.5, owner: Ann, reason: quarter end, untilChannel: stable }
    settings: { region: nl }
    bindings:
      app: { cwd: /srv/north }
      database: { driver: mysql, host: db2.example.test }
    policy: { P3: any-time }
  - instance: north-uat
    role: uat
    product: shop
    url: http://uat.north.example.test:8080/
    zone: UTC
    target: { version: 5.12.8 }
    pin: { version: 5.12.8, owner: Ann, reason: test, until: "2026-12-18T16:00:00Z" }
  - instance: north-test
    role: test
    product: shop
    url: http://test.north.example.test/
    zone: Europe/Amsterdam
`;

const RULES = `windows:
  - { window: nightly, scope: fleet, days: daily, start: "02:00", zone: site, length: 2h, cutOff: 30m }
  - { window: big-ones, scope: { label: big }, days: [sat, sun], start: "23:30", zone: Europe/Berlin, length: 24h }
freezes:
  - { freeze: year-end, scope: { customer: north }, from: "2026-12-18T16:00:00Z", until: "2027-01-04T07:00:00+01:00", reason: year end, owner: ops }
  - { freeze: broken, scope: { instance: north-uat }, from: "2026-11-01T00:00:00Z", reason: under repair, owner: ops }
policy:
  P3: window
  P5: { grade: readable, maxAge: 2h }
  P28:
    - { value: [uat], role: live }
    - { value: [], role: live, kind: emergency, final: true }
  P17: [mail, ticket]
`;

const NIGHTLY = `playbook: nightly
title: Nightly
steps:
  - { id: start, uses: app/start }
  - { id: probe, uses: app/probe, with: { expect: to } }
  - { id: switch, uses: proxy/switch }
`;

/** Path and text, as a directory would give them. */
export const SAMPLE_FLEET: readonly (FleetFileText & { readonly text: string })[] = [
  { path: 'fleet/products.yaml', text: PRODUCTS },
  { path: 'fleet/releases.yaml', text: RELEASES },
  { path: 'fleet/customers/north.yaml', text: NORTH },
  { path: 'fleet/rules.yaml', text: RULES },
  { path: 'fleet/playbooks/nightly.yaml', text: NIGHTLY },
];
