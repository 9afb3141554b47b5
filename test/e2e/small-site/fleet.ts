/** The fleet files of the small site: one vendor, one customer, one live instance that should go from 1.0.0 to 2.0.0. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SiteSettings } from '../../../demo/app/script.ts';

export interface FleetFile {
  readonly path: string;
  readonly text: string;
}

export interface FleetWords {
  readonly slug: string;
  readonly url: string;
  /** DEMO_DIR of the vendor's scripts. */
  readonly root: string;
  readonly settings: SiteSettings;
  readonly binDir: string;
  readonly proxyDir: string;
  readonly frontend: string;
  /** Which of the two ways of working: the one that ships, or the same with shorter pauses. */
  readonly playbook: 'overnight-channel' | 'overnight-channel-impatient';
}

const PLAYBOOKS = new URL('../../../playbooks/', import.meta.url);

/** The playbooks that ship, step for step, but a repeat comes after a second: a test does not wait for what it caused itself. */
function impatient(name: string): FleetFile {
  const text = readFileSync(new URL(`${name}.yaml`, PLAYBOOKS), 'utf8')
    .replace(/^(playbook|recover): (\S+)$/gm, '$1: $2-impatient')
    .replaceAll(/pause: \d+s/g, 'pause: 1s');
  return { path: `${name}.yaml`, text };
}

const VENDOR = join(import.meta.dirname, 'vendor.ts');

/** JSON is YAML: what holds paths is written as JSON, so that no character of theirs means anything. */
export function fleetFiles(words: FleetWords): readonly FleetFile[] {
  const { slug, url, root, settings, binDir, proxyDir, frontend, playbook } = words;
  const command = { run: [process.execPath, VENDOR], observe: [process.execPath, VENDOR, 'observe'] };
  const scripts = (...verbs: readonly string[]) => ({
    driver: 'exec',
    env: { DEMO_DIR: root },
    commands: Object.fromEntries(verbs.map((verb) => [verb, command])),
  });
  const { host, port, user, name } = settings.database;
  const check = `exec "$PSQL" -qX -v ON_ERROR_STOP=1 -d "$SITELIFT_SCRATCH_DATABASE_URL" -c "insert into notes (text) values ('a write check')"`;
  const local = (of: number | undefined): string => `http://127.0.0.1:${of ?? 0}`;
  const bindings = {
    app: scripts('stage', 'unstage', 'start', 'stop'),
    'database/migrate': scripts('migrate'),
    database: {
      driver: 'postgres',
      host,
      port,
      user,
      database: name,
      binDir,
      writeCheck: { run: ['sh', '-c', check], env: { PSQL: join(binDir, 'psql') } },
    },
    proxy: {
      driver: 'haproxy',
      socket: join(proxyDir, 'admin.sock'),
      mapsDir: proxyDir,
      frontend,
      backends: { blue: 'north-blue', green: 'north-green' },
    },
    'app/probe': {
      driver: 'http',
      within: '5s',
      requestTimeout: '3s',
      slots: { blue: local(settings.ports['blue']), green: local(settings.ports['green']) },
      health: { path: '/health', json: { health: 'GOOD' } },
      version: { path: '/version', pointer: 'version' },
      write: [{ method: 'POST', path: '/notes', body: { text: '$unique' }, expectStatus: 201 }],
      cleanUp: [{ method: 'DELETE', path: '/notes/$unique' }],
    },
  };
  const vendor = `products:
  - { product: notes, name: Notes, playbook: ${playbook}, settings: { slots: [blue, green] } }
releases:
  - { product: notes, version: 1.0.0, kind: minor, artefact: { digest: 'sha256:${'1'.repeat(64)}', location: app.ts }, needsDowntime: true }
  - { product: notes, version: 2.0.0, kind: major, artefact: { digest: 'sha256:${'2'.repeat(64)}', location: app.ts }, needsDowntime: true,
      smokeTest: passed, channels: [release] }
policy: { P3: any-time }
`;
  const customer = `customer: north
name: North
contacts: [{ name: Nora, email: nora@north.example.test, roles: [primary] }]
instances:
  - instance: ${slug}
    role: live
    product: notes
    url: ${url}
    zone: Europe/Amsterdam
    target: release
    settings: ${JSON.stringify(settings)}
    bindings: ${JSON.stringify(bindings)}
`;
  return [
    impatient('overnight-channel'),
    impatient('restore-and-reopen'),
    { path: 'vendor.yaml', text: vendor },
    { path: 'north.yaml', text: customer },
  ];
}
