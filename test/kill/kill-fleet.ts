/** The fleet of the kill tests: sites that are a log file, worked on by one script (`site.sh`), and their playbooks. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const FROM = '1.0.0';
export const TO = '2.0.0';

const SCRIPT = join(import.meta.dirname, 'site.sh');

/** One step of each kind stands in `upgrade-in-place`'s order; `once` is the vendor's own script, which nobody may repeat. */
const WHOLE = `playbook: whole
title: A step of every kind
steps:
  - { id: say, title: Say that it begins, notify: { to: primary, template: upgrade-starting } }
  - { id: stage, title: Stage, uses: app/stage, undo: app/unstage, retry: { times: 3, pause: 1s }, expect: 1s, timeout: 1m }
  - { id: once, title: Once, uses: exec/run, with: { command: once }, retry: { times: 3, pause: 1s }, expect: 1s, timeout: 1m }
  - { id: close, title: Close, uses: proxy/close, undo: proxy/open, retry: { times: 3, pause: 1s }, expect: 1s, timeout: 1m }
  - { id: backup, title: Back up, uses: database/backup, require: restored, retry: { times: 3, pause: 1s }, expect: 1s, timeout: 1m }
  - { id: stop, title: Stop, uses: app/stop, with: { slot: live }, undo: { uses: app/start, with: { slot: live, version: from } },
      retry: { times: 3, pause: 1s }, expect: 1s, timeout: 1m }
  - { id: migrate, title: Migrate, uses: database/migrate, pointOfNoReturn: true, retry: { times: 3, pause: 1s }, expect: 1s, timeout: 1m }
  - { id: start, title: Start, uses: app/start, with: { slot: staging, version: to }, retry: { times: 3, pause: 1s }, expect: 1s, timeout: 1m }
  - { id: probe, title: Probe, uses: app/probe, with: { slot: staging, expect: to }, retry: { times: 3, pause: 1s }, expect: 1s, timeout: 1m }
  - { id: switch, title: Switch, uses: proxy/switch, with: { to: staging }, retry: { times: 3, pause: 1s }, expect: 1s, timeout: 1m }
  - { id: open, title: Open, uses: proxy/open, retry: { times: 3, pause: 1s }, expect: 1s, timeout: 1m }
recover: restore-and-reopen
`;

/** The least: two scripts that may not run twice, and a look. */
const SHORT = `playbook: short
title: Two steps that may not be repeated
steps:
  - { id: once, title: Once, uses: exec/run, with: { command: once }, retry: { times: 3, pause: 1s }, expect: 1s, timeout: 1m }
  - { id: twice, title: Once more, uses: exec/run, with: { command: once }, retry: { times: 3, pause: 1s }, expect: 1s, timeout: 1m }
`;

export type KillPlaybook = 'whole' | 'short';

export interface FleetFile {
  readonly path: string;
  readonly text: string;
}

/** `pauseSeconds`: how long a script acts before its effect, and again after it; `slow`: `site/step` whose first attempt
   acts for more than a second. */
export function fleetOf(
  slugs: readonly string[],
  playbook: KillPlaybook,
  dir: string,
  pauseSeconds: number,
  slow: readonly string[],
): readonly FleetFile[] {
  const command = { run: ['sh', SCRIPT], observe: ['sh', SCRIPT, 'observe'] };
  const scripts = (...verbs: readonly string[]) => ({
    driver: 'exec',
    env: { KILL_DIR: dir, KILL_PAUSE: String(pauseSeconds), KILL_SLOW: slow.join(',') },
    commands: Object.fromEntries(verbs.map((verb) => [verb, command])),
  });
  const bindings = {
    app: scripts('stage', 'unstage', 'start', 'stop', 'probe'),
    database: scripts('backup', 'prove', 'migrate', 'restore'),
    proxy: scripts('close', 'open', 'switch', 'probe'),
    exec: scripts('once'),
  };
  const release = (version: string, digit: string, more: string) =>
    `  - { product: logs, version: ${version}, kind: minor, needsDowntime: true, artefact: { digest: 'sha256:${digit.repeat(64)}', location: x }${more} }`;
  const vendor = `products:
  - product: logs
    name: Logs
    playbook: ${playbook}
    settings: { slots: [blue, green] }
    bindings: ${JSON.stringify(bindings)}
releases:
${release(FROM, '1', '')}
${release(TO, '2', ', smokeTest: passed, channels: [release]')}
`;
  const instances = slugs.map(
    (slug) => `  - { instance: ${slug}, role: live, product: logs, url: 'http://${slug}.test', zone: Europe/Amsterdam, target: release }`,
  );
  const customer = `customer: north
name: North
contacts: [{ name: Nora, email: nora@north.example.test, roles: [primary] }]
instances:
${instances.join('\n')}
`;
  return [
    { path: 'playbook.yaml', text: playbook === 'whole' ? WHOLE : SHORT },
    { path: 'vendor.yaml', text: vendor },
    { path: 'north.yaml', text: customer },
  ];
} // prettier-ignore

/** The site before anything was done to it. */
export async function layOutSite(dir: string, slug: string): Promise<void> {
  const first = [`running.blue=${FROM}`, 'running.green=none', `schema=${FROM}`, 'open=yes', 'slot=blue'];
  const lines = first.map((effect) => `effect 0 none none 0 0 ${effect}\n`);
  await writeFile(join(dir, `${slug}.log`), lines.join(''));
}
