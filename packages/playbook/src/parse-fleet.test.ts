/**
 * A good fleet read whole, and one change away from it for everything that can be wrong with one: each refused with file,
 * line, column, what is wrong and what was expected; all of it at once.
 */
import { describe, expect, it } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '@sitelift/domain/time/instant.ts';
import type { FleetFiles } from './fleet-file.ts';
import { generateFleetSchema } from './fleet-schema.ts';
import { parseFleet } from './parse-fleet.ts';
import { parsePlaybook } from './parse-playbook.ts';
import type { FleetFileText } from './read-fleet-file.ts';
import { SAMPLE_FLEET } from './sample-fleet.ts';
import { formatSourceError } from './source-error.ts';

function fleetOf(files: readonly FleetFileText[]): FleetFiles {
  const result = parseFleet(files);
  if ('errors' in result) throw new Error(result.errors.map(formatSourceError).join('\n'));
  return result.fleet;
}

function refusals(files: readonly FleetFileText[]): string[] {
  const result = parseFleet(files);
  return 'errors' in result ? result.errors.map(formatSourceError) : [];
}

/** The sample with one text of one file replaced, which must be there. */
function changed(file: string, from: string, to: string) {
  const path = SAMPLE_FLEET.find((each) => each.path.endsWith(file))?.path;
  return SAMPLE_FLEET.map((each) => {
    if (each.path !== path) return each;
    expect(each.text).toContain(from);
    return { ...each, text: each.text.replace(from, to) };
  });
}

describe('a fleet as read', () => {
  const fleet = fleetOf(SAMPLE_FLEET);
  const [live, uat, test] = fleet.instances;

  it('has everything that its files declare', () => {
    const { products, releases, customers, instances, windows, freezes, policy, playbooks } = fleet;
    expect([products, releases, customers, instances, windows, freezes, policy, playbooks].map((all) => all.length)).toEqual([1, 3, 1, 3, 2, 2, 5, 1]); // prettier-ignore
    expect(fleet.warnings).toEqual([]);
  });

  it('knows releases with their exact bytes and with defaults on the careful side', () => {
    expect(fleet.releases).toMatchObject([
      {
        version: '4.19.5',
        artefact: { kind: 'npm', package: 'shop-server', version: '4.19.5', integrity: 'sha512-abc=' },
        needsDowntime: true,
        risky: false,
        smokeTest: 'passed',
        channels: [],
        notes: null,
      },
      { artefact: { package: '@acme/shop-server', integrity: null }, channels: ['release', 'stable'] },
      {
        version: '5.13',
        artefact: { kind: 'digest', digest: `sha256:${'a'.repeat(64)}`, location: 'builds/5.13.tgz' },
        needsDowntime: false,
        risky: true,
        smokeTest: 'not-run',
      },
    ]);
  });

  it('gives each instance its target, by its role when it names none (C4)', () => {
    expect(fleet.instances.map(({ target }) => target)).toEqual([
      { kind: 'channel', channel: 'stable' },
      { kind: 'version', version: '5.12.8' },
      { kind: 'channel', channel: 'beta' },
    ]);
  });

  it('gives pins an owner, a reason and an end', () => {
    expect(live?.pin).toMatchObject({ owner: 'Ann', ends: { kind: 'channel-reaches', channel: 'stable' } });
    expect(uat?.pin).toMatchObject({ ends: { kind: 'at', at: Date.UTC(2026, 11, 18, 16) } });
    expect(test?.pin).toBeNull();
  });

  it('merges bindings over the product, key by key, wholly for another driver', () => {
    expect(live?.bindings).toEqual({
      proxy: { driver: 'haproxy', socket: '/run/haproxy.sock' },
      app: { driver: 'exec', cwd: '/srv/north', env: { MODE: 'fast' } },
      database: { driver: 'mysql', host: 'db2.example.test' },
      'app/probe': { driver: 'http' },
    });
    expect(uat?.bindings).toEqual(fleet.products[0]?.bindings);
    expect([live?.settings, uat?.settings]).toEqual([
      { slots: ['blue', 'green'], region: 'nl' },
      { slots: ['blue', 'green'], region: 'eu' },
    ]);
  });

  it('knows the line of every binding: the instance’s own, else the product’s', () => {
    expect(live?.bindingPlaces).toEqual({
      app: { path: 'fleet/customers/north.yaml', line: 20, column: 7 },
      database: { path: 'fleet/customers/north.yaml', line: 21, column: 7 },
      proxy: { path: 'fleet/products.yaml', line: 6, column: 7 },
      'app/probe': { path: 'fleet/products.yaml', line: 9, column: 7 },
    });
    expect([live?.place, live?.pin?.place, fleet.windows[1]?.place]).toEqual([
      { path: 'fleet/customers/north.yaml', line: 9, column: 5 },
      { path: 'fleet/customers/north.yaml', line: 17, column: 5 },
      { path: 'fleet/rules.yaml', line: 3, column: 5 },
    ]);
  });

  it('counts in milliseconds', () => {
    expect(fleet.windows).toMatchObject([
      { slug: 'nightly', scope: { kind: 'fleet' }, start: '02:00', zone: 'site', lengthMs: 2 * HOUR_MS, cutOffMs: 30 * MINUTE_MS },
      { scope: { kind: 'label', label: 'big' }, days: ['sat', 'sun'], lengthMs: 24 * HOUR_MS, cutOffMs: 0 },
    ]); // prettier-ignore
    expect(fleet.windows[0]?.days.length).toBe(7);
    expect(fleet.freezes).toMatchObject([
      { scope: { kind: 'customer', customer: 'north' }, fromAt: Date.UTC(2026, 11, 18, 16), untilAt: Date.UTC(2027, 0, 4, 6) },
      { scope: { kind: 'instance', instance: 'north-uat' }, untilAt: null },
    ]); // prettier-ignore
  });

  it('reads policies as values, entries and lists of entries, at each level', () => {
    const plain = { role: null, kind: null, final: false };
    expect(fleet.policy).toEqual([
      { ...plain, key: 'P3', value: 'window' },
      { ...plain, key: 'P5', value: { grade: 'readable', maxAge: '2h' } },
      { ...plain, key: 'P17', value: ['mail', 'ticket'] },
      { ...plain, key: 'P28', value: ['uat'], role: 'live' },
      { key: 'P28', value: [], role: 'live', kind: 'emergency', final: true },
    ]);
    expect(fleet.customers[0]?.policy).toEqual([{ ...plain, key: 'P4', value: { acceptedLoss: '5m' } }]);
    expect(live?.policy).toEqual([{ ...plain, key: 'P3', value: 'any-time' }]);
  });

  it('warns of a customer with nothing to try an upgrade on (C1)', () => {
    const text = SAMPLE_FLEET[2]?.text ?? '';
    const alone = text.slice(0, text.indexOf('  - instance: north-uat'));
    const files = SAMPLE_FLEET.map((each) =>
      each.path.endsWith('north.yaml') ? { ...each, text: alone } : each,
    );
    const rules = files.map((each) =>
      each.path.endsWith('rules.yaml')
        ? { ...each, text: each.text.replace('north-uat', 'north-live') }
        : each,
    );
    expect(fleetOf(rules).warnings.map(formatSourceError)).toEqual([
      'fleet/customers/north.yaml:1:11: the customer `north` has only a live instance: below the minimum of two (expected: a live instance, and another to try upgrades on)',
    ]);
  });

  it('takes a shipped playbook, and the one that it recovers with, when no file declares it', () => {
    const shipped = ['overnight', 'back', 'unused'].map((name) => {
      const recover = name === 'overnight' ? 'recover: back\n' : '';
      const result = parsePlaybook(
        `playbook: ${name}\ntitle: A\nsteps: [{ id: a, uses: app/stage }]\n${recover}`,
        name,
      );
      if ('errors' in result) throw new Error(formatSourceError(result.errors[0] as never));
      return result.playbook;
    });
    const files = changed('products.yaml', 'playbook: nightly', 'playbook: overnight').slice(0, 4);
    const result = parseFleet(files, { shipped });
    expect('fleet' in result && result.fleet.playbooks.map(({ name }) => name)).toEqual([
      'overnight',
      'back',
    ]);
    expect(refusals(files)).toEqual([
      'fleet/products.yaml:4:15: there is no playbook `overnight` (expected: no playbook is declared in these files)',
    ]);
  });
});

describe('a fleet with one thing wrong', () => {
  // prettier-ignore
  it.each<[string, string, string, string, string]>([
    // what, file, changed, into, the refusal
    ['an unknown product of a release', 'releases.yaml', 'product: shop', 'product: shpo', 'fleet/releases.yaml:2:14: there is no product `shpo`; did you mean `shop`? (expected: one of shop)'],
    ['an unknown product of an instance', 'north.yaml', 'product: shop', 'product: shopp', 'fleet/customers/north.yaml:11:14: there is no product `shopp`; did you mean `shop`? (expected: one of shop)'],
    ['an unknown playbook', 'products.yaml', 'playbook: nightly', 'playbook: nightyl', 'fleet/products.yaml:4:15: there is no playbook `nightyl`; did you mean `nightly`? (expected: one of nightly)'],
    ['an unknown channel to follow', 'north.yaml', 'target: stable', 'target: stabel', 'fleet/customers/north.yaml:16:13: `target` is "stabel"; did you mean `stable`? (expected: a channel (alpha, beta, release, stable), or `{ version: <exact version> }`)'],
    ['an unknown channel in a mapping', 'north.yaml', 'target: stable', 'target: { channel: stabel }', 'fleet/customers/north.yaml:16:24: `channel` is `stabel`; did you mean `stable`? (expected: one of alpha, beta, release, stable)'],
    ['an unknown channel to place in', 'releases.yaml', '[release, stable]', '[releese]', 'fleet/releases.yaml:13:16: item 1 of `channels` is `releese`; did you mean `release`? (expected: one of alpha, beta, release, stable)'],
    ['a target that no release has', 'north.yaml', '{ version: 5.12.8 }', '{ version: 5.12.7 }', 'fleet/customers/north.yaml:28:24: there is no release of shop with the version `5.12.7`; did you mean `5.12.8`? (expected: one of 4.19.5, 5.12.8, 5.13)'],
    ['a pin to what no release has', 'north.yaml', 'pin: { version: 4.19.5', 'pin: { version: 4.19.6', 'fleet/customers/north.yaml:17:21: there is no release of shop with the version `4.19.6`; did you mean `4.19.5`? (expected: one of 4.19.5, 5.12.8, 5.13)'],
    ['a version that YAML takes for a number', 'releases.yaml', 'version: "5.13"', 'version: 5.13', 'fleet/releases.yaml:15:14: `version` is the number 5.13 (expected: a version, in quotes when it looks like a number: "5.10")'],
    ['a range instead of a version', 'releases.yaml', 'version: 5.12.8 }', 'version: ^5.12.8 }', 'fleet/releases.yaml:10:52: `version` is "^5.12.8" (expected: an exact version, such as 5.12.8 or 6.0-beta.1)'],
    ['a version with a path in it', 'releases.yaml', '"5.13"', '"5/../../13"', 'fleet/releases.yaml:15:14: `version` is "5/../../13" (expected: an exact version, such as 5.12.8 or 6.0-beta.1)'],
    ['a kind that is none', 'releases.yaml', 'kind: major', 'kind: mayor', 'fleet/releases.yaml:9:11: `kind` is `mayor`; did you mean `major`? (expected: one of major, minor, hotfix, emergency, update, beta)'],
    ['an artefact with a wrong key', 'releases.yaml', 'integrity: sha512', 'integrty: sha512', 'fleet/releases.yaml:5:52: unknown key `integrty`; did you mean `integrity`? (expected: one of the keys npm, version, integrity)'],
    ['an artefact that is a word', 'releases.yaml', '{ npm: "@acme/shop-server", version: 5.12.8 }', 'latest', 'fleet/releases.yaml:10:15: `artefact` is "latest" (expected: `{ npm, version, integrity }` or `{ digest, location }`)'],
    ['a short digest', 'releases.yaml', 'sha256:aaaa', 'sha256:aaa', 'fleet/releases.yaml:17:25: `digest` is "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…" (expected: `sha256:` and 64 hex digits)'],
    ['a failed smoke test in a channel', 'releases.yaml', 'smokeTest: passed\n    channels', 'smokeTest: failed\n    channels', 'fleet/releases.yaml:13:15: 5.12.8 failed its smoke test and cannot be in a channel (expected: no `channels`, or a smoke test that passed)'],
    ['a release twice', 'releases.yaml', 'version: "5.13"', 'version: 5.12.8', 'fleet/releases.yaml:15:14: the release `shop 5.12.8` is declared twice; first in fleet/releases.yaml:8'],
    ['yes instead of true', 'releases.yaml', 'risky: true', 'risky: yes', 'fleet/releases.yaml:19:12: `risky` is "yes" (expected: true or false)'],
    ['a role that is none', 'north.yaml', 'role: live', 'role: liev', 'fleet/customers/north.yaml:10:11: `role` is `liev`; did you mean `live`? (expected: one of live, uat, test, validation, staging, sandbox)'],
    ['a contact role that is none', 'north.yaml', 'roles: [primary]', 'roles: [primry]', 'fleet/customers/north.yaml:4:57: item 1 of `roles` is `primry`; did you mean `primary`? (expected: one of primary, secondary, accounting, main, implementer, developer, tester, representative)'],
    ['an address of another shape', 'north.yaml', 'ann@north.example.test', 'ann(at)north', 'fleet/customers/north.yaml:4:25: `email` is "ann(at)north" (expected: an e-mail address)'],
    ['two people with one address', 'north.yaml', 'bob@north', 'Ann@north', 'fleet/customers/north.yaml:5:25: the contact `ann@north.example.test` is declared twice; first in fleet/customers/north.yaml:4'],
    ['a zone that is none', 'north.yaml', 'zone: Europe/Amsterdam', 'zone: Europe/Amsterdm', 'fleet/customers/north.yaml:13:11: `zone` is "Europe/Amsterdm" (expected: an IANA time zone, such as Europe/Amsterdam)'],
    ['an abbreviation as a zone', 'north.yaml', 'zone: UTC', 'zone: CET', 'fleet/customers/north.yaml:27:11: `zone` is "CET" (expected: an IANA time zone, such as Europe/Amsterdam)'],
    ['an address that is no site', 'north.yaml', 'https://shop.north', 'ftp://shop.north', 'fleet/customers/north.yaml:12:10: `url` is "ftp://shop.north.example.test/" (expected: an http or https address without a user name or password)'],
    ['a password in an address', 'north.yaml', 'https://shop.north', 'https://ann:pw@shop.north', 'fleet/customers/north.yaml:12:10: `url` is "https://ann:pw@shop.north.example.test/" (expected: an http or https address without a user name or password)'],
    ['a slug that is not kebab-case', 'north.yaml', 'instance: north-live', 'instance: North_Live', 'fleet/customers/north.yaml:9:15: `instance` is "North_Live" (expected: a name in kebab-case, such as `overnight-channel`)'],
    ['an instance twice', 'north.yaml', 'instance: north-test', 'instance: north-uat', 'fleet/customers/north.yaml:30:15: the instance `north-uat` is declared twice; first in fleet/customers/north.yaml:23'],
    ['two ends of a pin', 'north.yaml', 'untilChannel: stable }', 'untilChannel: stable, until: "2026-12-18T16:00:00Z" }', 'fleet/customers/north.yaml:17:10: `pin` is a mapping (expected: one end: `until` or `untilChannel`)'],
    ['a pin without a reason', 'north.yaml', ', reason: quarter end', '', 'fleet/customers/north.yaml:17:10: `reason` is missing (expected: a line of text)'],
    ['an unknown family', 'north.yaml', '      database:', '      databse:', 'fleet/customers/north.yaml:21:7: `databse` is neither a family nor an action; did you mean `database`? (expected: a family (proxy, database, app, files, dns, check, exec) or one of its actions)'],
    ['an unknown action', 'products.yaml', 'app/probe:', 'app/prob:', 'fleet/products.yaml:9:7: `app/prob` is neither a family nor an action; did you mean `app/probe`? (expected: a family (proxy, database, app, files, dns, check, exec) or one of its actions)'],
    ['a binding without a driver', 'north.yaml', '      app: { cwd: /srv/north }', '      files: { cwd: /srv/north }', 'fleet/customers/north.yaml:20:7: the binding `files` names no driver, neither here nor in the product (expected: `driver: <kind>`)'],
    ['a binding that is a word', 'products.yaml', 'app/probe: { driver: http }', 'app/probe: http', 'fleet/products.yaml:9:18: `app/probe` is "http" (expected: a mapping with a `driver` and its settings)'],
    ['an unknown label', 'rules.yaml', '{ label: big }', '{ label: bgi }', 'fleet/rules.yaml:3:41: there is no instance with the label `bgi`; did you mean `big`? (expected: one of big, eu)'],
    ['an unknown customer', 'rules.yaml', '{ customer: north }', '{ customer: nroth }', 'fleet/rules.yaml:5:44: there is no customer `nroth`; did you mean `north`? (expected: one of north)'],
    ['an unknown instance', 'rules.yaml', '{ instance: north-uat }', '{ instance: north-uta }', 'fleet/rules.yaml:6:42: there is no instance `north-uta`; did you mean `north-uat`? (expected: one of north-live, north-uat, north-test)'],
    ['a scope with a wrong key', 'rules.yaml', '{ customer: north }', '{ custmer: north }', 'fleet/rules.yaml:5:32: `scope` is a mapping (expected: `fleet`, or one of `{ label }`, `{ customer }`, `{ instance }`)'],
    ['a start that is no time', 'rules.yaml', '"02:00"', '"2:00"', 'fleet/rules.yaml:2:58: `start` is "2:00" (expected: a local time, such as "02:00")'],
    ['a start at 24:00', 'rules.yaml', '"02:00"', '"24:00"', 'fleet/rules.yaml:2:58: `start` is "24:00" (expected: a local time, such as "02:00")'],
    ['a window of a second', 'rules.yaml', 'length: 2h', 'length: 1s', 'fleet/rules.yaml:2:87: `length` is "1s" (expected: a length from 1m to 24h)'],
    ['a window of two days', 'rules.yaml', 'length: 24h', 'length: 2d', 'fleet/rules.yaml:3:111: `length` is "2d" (expected: a length from 1m to 24h)'],
    ['a cut-off beyond the window', 'rules.yaml', 'cutOff: 30m', 'cutOff: 3h', 'fleet/rules.yaml:2:99: the cut-off 3h is longer than the window (expected: at most 2h)'],
    ['a day that is none', 'rules.yaml', '[sat, sun]', '[sat, snu]', 'fleet/rules.yaml:3:60: item 2 of `days` is `snu`; did you mean `sun`? (expected: one of mon, tue, wed, thu, fri, sat, sun)'],
    ['a day twice', 'rules.yaml', '[sat, sun]', '[sat, sat]', 'fleet/rules.yaml:3:54: `days` is a list of 2 (expected: each day once)'],
    ['a zone of a window that is none', 'rules.yaml', 'zone: site', 'zone: sight', 'fleet/rules.yaml:2:73: `zone` is "sight" (expected: `site`, or an IANA time zone such as Europe/Amsterdam)'],
    ['a freeze that ends before it begins', 'rules.yaml', '2027-01-04T07:00:00+01:00', '2026-12-18T17:00:00+01:00', 'fleet/rules.yaml:5:90: the freeze ends before it begins (expected: an instant after 2026-12-18T16:00:00Z)'],
    ['a local time as an instant', 'rules.yaml', '2026-12-18T16:00:00Z', '2026-12-18T16:00:00', 'fleet/rules.yaml:5:59: `from` is "2026-12-18T16:00:00" (expected: an instant with its offset, such as 2026-12-18T16:00:00Z)'],
    ['a day that does not exist', 'rules.yaml', '2026-12-18T16:00:00Z', '2026-11-31T16:00:00Z', 'fleet/rules.yaml:5:59: `from` is "2026-11-31T16:00:00Z" (expected: a day and a time that exist)'],
    ['an unknown policy', 'rules.yaml', 'P17:', 'P71:', 'fleet/rules.yaml:13:3: unknown key `P71`; did you mean `P1`?'],
    ['a policy value that is none', 'rules.yaml', 'P3: window', 'P3: anytime', 'fleet/rules.yaml:8:7: `P3` is `anytime`; did you mean `any-time`? (expected: one of any-time, window)'],
    ['a role of a policy that is none', 'rules.yaml', 'role: live }', 'role: lvie }', 'fleet/rules.yaml:11:29: `role` is `lvie`; did you mean `live`? (expected: one of live, uat, test, validation, staging, sandbox)'],
    ['a kind of a policy that is none', 'rules.yaml', 'kind: emergency', 'kind: emergncy', 'fleet/rules.yaml:12:38: `kind` is `emergncy`; did you mean `emergency`? (expected: one of major, minor, hotfix, emergency, update, beta)'],
    ['a stage that is none', 'rules.yaml', 'value: [uat]', 'value: [live]', 'fleet/rules.yaml:11:17: item 1 of `value` is `live`'],
    ['an age that is none', 'rules.yaml', 'maxAge: 2h', 'maxAge: 2 hours', 'fleet/rules.yaml:9:34: `maxAge` is "2 hours" (expected: a duration such as 90s, 15m, 3h or 14d)'],
    ['a value among entries', 'rules.yaml', '- { value: [uat], role: live }', '- uat', 'fleet/rules.yaml:11:7: item 1 of `P28` is "uat" (expected: a mapping with the keys value, role, kind, final)'],
    ['a case of a policy twice', 'rules.yaml', ', kind: emergency, final: true', '', 'fleet/rules.yaml:12:7: P28 for live has a value already in fleet/rules.yaml:11'],
    ['final below the vendor', 'north.yaml', '{ P3: any-time }', '{ P3: { value: any-time, final: true } }', 'fleet/customers/north.yaml:22:38: unknown key `final` (expected: one of the keys value, role, kind)'],
    ['instances without a customer', 'north.yaml', 'customer: north\n', '', 'fleet/customers/north.yaml:7:1: `instances` belongs to a customer, and the file names none (expected: `customer: <slug>` in the same file)'],
    ['a customer without a name', 'north.yaml', 'name: North Example\n', '', 'fleet/customers/north.yaml:1:11: the customer `north` has no `name` (expected: `name: <line of text>`)'],
    ['an unknown key at the top', 'rules.yaml', 'freezes:', 'freezs:', 'fleet/rules.yaml:4:1: unknown key `freezs`; did you mean `freezes`? (expected: one of the keys customer, name, contacts, products, releases, instances, windows, freezes, policy)'],
    ['a playbook that breaks a rule', 'nightly.yaml', 'expect: to', 'expect: from', 'fleet/playbooks/nightly.yaml:6:5: `switch` could never open the site: no version is observed after `start` (expected: an `app/probe` step with `expect: to` between them)'],
    ['a playbook with a wrong key', 'nightly.yaml', 'title:', 'titel:', 'fleet/playbooks/nightly.yaml:2:1: unknown key `titel`; did you mean `title`? (expected: one of the keys playbook, title, for, steps, checklists, recover)'],
  ])('%s', (_what, file, from, to, refusal) => {
    const found = refusals(changed(file, from, to));
    expect(found.some((line) => line.startsWith(refusal)), `${found.join('\n')}\nlacks\n${refusal}`).toBe(true);
  });

  it('a slug that two files declare is refused with both places', () => {
    const second = { path: 'fleet/customers/copy.yaml', text: SAMPLE_FLEET[2]?.text ?? '' };
    const found = refusals([...SAMPLE_FLEET, second]);
    expect(found[0]).toBe('fleet/customers/copy.yaml:1:11: the customer `north` is declared twice; first in fleet/customers/north.yaml:1'); // prettier-ignore
    expect(found.length).toBe(4);
  });

  it('a policy of the vendor’s that two files give is refused', () => {
    const found = refusals([
      ...SAMPLE_FLEET,
      { path: 'fleet/more.yaml', text: 'policy: { P3: any-time }\n' },
    ]);
    expect(found).toEqual(['fleet/more.yaml:1:15: P3 has a value already in fleet/rules.yaml:8']);
  });

  it('every fault of every file is told at once, each file in the order of its lines', () => {
    const files = changed('north.yaml', 'role: live', 'role: lvie').map((file) => ({
      ...file,
      text: file.text
        .replace('kind: major', 'kind: mayor')
        .replace('product: shop\n    version: 4.19.5', 'product: shpo\n    version: 4.19.5')
        .replace('cutOff: 30m', 'cutOff: 3h')
        .replace('app/probe: {', 'app/prob: {'),
    }));
    const found = refusals(files).map((line) => line.split(': ')[0]);
    expect(new Set(found)).toEqual(
      new Set([
        'fleet/customers/north.yaml:10:11',
        'fleet/products.yaml:9:7',
        'fleet/releases.yaml:2:14',
        'fleet/releases.yaml:9:11',
        'fleet/rules.yaml:2:99',
      ]),
    );
  });

  // prettier-ignore
  it.each([
    ['products.yaml', 'slots: [blue, green]', 'slots: [blue, green'],
    ['nightly.yaml', 'steps:', 'stesp:'],
    ['releases.yaml', 'kind: major', 'kind: mayor'],
    ['north.yaml', 'customer: north', 'custmer: north'],
    ['north.yaml', 'zone: UTC', 'zone: UCT+1'],
  ])('a part of %s that cannot be read makes no false alarm of the names in it', (file, from, to) => {
    const found = refusals(changed(file, from, to));
    expect(found.length).toBeGreaterThan(0);
    expect(found.filter((line) => !line.includes(file) || line.includes('there is no'))).toEqual([]);
  });

  it('an empty file, a file of words and a huge file are refused each by itself', () => {
    const odd = [
      { path: 'fleet/empty.yaml', text: '# nothing yet\n' },
      { path: 'fleet/words.yaml', text: 'hello\n' },
      { path: 'fleet/huge.yaml', text: `# ${'x'.repeat(10 * 1024 * 1024)}` },
    ];
    expect(refusals([...SAMPLE_FLEET, ...odd]).map((line) => line.split(' (')[0])).toEqual([
      'fleet/empty.yaml:1:1: the file is empty',
      'fleet/words.yaml:1:1: the file is "hello"',
      'fleet/huge.yaml:1:1: the file is too large',
    ]);
  });

  it('no files are an empty fleet', () => {
    expect(fleetOf([])).toMatchObject({ instances: [], products: [], warnings: [] });
  });
});

describe('the JSON Schema of fleet files', () => {
  it('offers every key and refuses others', () => {
    const schema = JSON.parse(generateFleetSchema()) as { properties: object; additionalProperties: boolean }; // our own text
    expect(Object.keys(schema.properties).sort()).toEqual(['contacts', 'customer', 'freezes', 'instances', 'name', 'policy', 'products', 'releases', 'windows']); // prettier-ignore
    expect(schema.additionalProperties).toBe(false);
  });
});
