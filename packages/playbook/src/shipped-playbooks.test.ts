/** The playbooks that ship pass their own check, name no product, and say what the demo and the documentation promise. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ACTION_CATALOGUE } from './action-catalogue.ts';
import { checkPlaybook, isRecovery } from './check-playbook.ts';
import { explainPlaybook } from './explain-playbook.ts';
import { parsePlaybook } from './parse-playbook.ts';
import type { Playbook } from './playbook.ts';

const FOLDER = new URL('../../../playbooks/', import.meta.url);
const TEXTS = new Map(
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => [name.replace('.yaml', ''), readFileSync(new URL(name, FOLDER), 'utf8')]),
);

function parsed(name: string, text: string): Playbook {
  const result = parsePlaybook(text, `playbooks/${name}.yaml`);
  if ('errors' in result) throw new Error(JSON.stringify(result.errors));
  return result.playbook;
}

const SHIPPED = new Map([...TEXTS].map(([name, text]) => [name, parsed(name, text)]));

function faultsOf(name: string, text: string): string[] {
  const result = parsePlaybook(text, 'f.yaml');
  const errors =
    'errors' in result
      ? result.errors
      : checkPlaybook(result.playbook, ACTION_CATALOGUE, {
          others: new Map(SHIPPED).set(name, result.playbook),
        });
  return errors.map(({ line, message }) => `${lineOf(text, line)} | ${message}`);
}

function lineOf(text: string, line: number): string {
  return text.split('\n')[line - 1]?.trim() ?? '';
}

/** What `id` does, and its line: each step of a file begins with `- id:`. */
function withoutStep(text: string, id: string): string {
  const steps = text.split(/^(?= {2}- id: )/m);
  const left = steps.filter((step) => !step.startsWith(`  - id: ${id}\n`));
  expect(left.length, id).toBe(steps.length - 1);
  // The last step carries what follows the list.
  return left
    .join('')
    .replace(/(?:\nrecover: .*\n)?$/, (end) => end || (/\nrecover: .*\n$/.exec(text)?.[0] ?? ''));
}

function changed(text: string, from: string, to: string): string {
  expect(text).toContain(from);
  return text.replace(from, to);
}

describe('the playbooks that ship', () => {
  it('are these three', () => {
    expect([...SHIPPED.keys()].sort()).toEqual([
      'overnight-channel',
      'restore-and-reopen',
      'upgrade-in-place',
    ]);
  });

  it.each([...SHIPPED])('%s is named like its file and passes the check', (name, playbook) => {
    expect(playbook.name).toBe(name);
    expect(checkPlaybook(playbook, ACTION_CATALOGUE, { others: SHIPPED })).toEqual([]);
  });

  it('name no product, no driver and no vendor', () => {
    const named = /unleash|postgres|haproxy|nginx|npm|node|docker|mariadb|mysql/i;
    for (const [name, text] of TEXTS) expect(named.exec(text), name).toBeNull();
  });

  it('use no kind of step that this version does not carry out', () => {
    const kinds = [...SHIPPED.values()].flatMap(({ steps }) => steps.map(({ kind }) => kind));
    expect([...new Set(kinds)].sort()).toEqual(['notify', 'uses', 'wait']);
  });

  it('upgrade-in-place is overnight-channel without its waits and notices', () => {
    const spoken = SHIPPED.get('overnight-channel')?.steps.filter(({ kind }) => kind === 'uses') ?? [];
    const plain = SHIPPED.get('upgrade-in-place')?.steps ?? [];
    const deed = (steps: Playbook['steps']) => steps.map((step) => ({ ...step, at: 0, keyAt: 0, needs: 0 }));
    expect(spoken.length).toBe(9);
    expect(deed(plain)).toEqual(deed(spoken));
  });

  it('restore-and-reopen is a recovery, and what the two others name', () => {
    const recovery = SHIPPED.get('restore-and-reopen');
    expect(recovery !== undefined && isRecovery(recovery, ACTION_CATALOGUE)).toBe(true);
    for (const name of ['overnight-channel', 'upgrade-in-place'])
      expect(SHIPPED.get(name)?.recover).toBe('restore-and-reopen');
  });

  it('take the backup after closing and cross the point of no return once it is proven', () => {
    for (const name of ['overnight-channel', 'upgrade-in-place']) {
      const ids = SHIPPED.get(name)?.steps.map(({ id }) => id) ?? [];
      const order = ['stage', 'close', 'backup', 'stop', 'migrate', 'start', 'probe', 'switch', 'open'];
      expect(ids.filter((id) => order.includes(id))).toEqual(order);
    }
  });

  it('are explained step by step', () => {
    const text = explainPlaybook(SHIPPED.get('overnight-channel') as Playbook, ACTION_CATALOGUE); // in the list above
    expect(text).toContain('POINT OF NO RETURN');
    expect(text).toContain('undo: app/start slot=live version=from');
    expect(text).toContain('after the point of no return, back means: restore-and-reopen');
  });
});

describe('a shipped playbook with one thing broken is refused at its line', () => {
  // prettier-ignore
  it.each<[string, string, string, string]>([
    // file, step left out, line of the refusal, what it says
    ['overnight-channel', 'close', '- id: open', 'opens a site that nothing closes'],
    ['overnight-channel', 'backup', 'pointOfNoReturn: true # from the moment it starts, going back means restoring', 'no backup, no point of no return'],
    ['overnight-channel', 'probe', '- id: open', 'could never open the site'],
    ['overnight-channel', 'open', '- id: close', 'nothing opens it'],
    ['upgrade-in-place', 'close', '- id: open', 'opens a site that nothing closes'],
    ['upgrade-in-place', 'backup', 'pointOfNoReturn: true # from the moment it starts, going back means restoring', 'no backup, no point of no return'],
    ['upgrade-in-place', 'probe', '- id: open', 'could never open the site'],
    ['upgrade-in-place', 'open', '- id: close', 'nothing opens it'],
    ['restore-and-reopen', 'probe-old', '- id: open', 'could never open the site'],
  ])('%s without %s', (name, step, line, message) => {
    const found = faultsOf(name, withoutStep(TEXTS.get(name) ?? '', step));
    expect(found.some((fault) => fault.startsWith(line) && fault.includes(message)), found.join('\n')).toBe(true);
  });

  // prettier-ignore
  it.each<[string, string, string, string, string]>([
    // file, changed, into, line of the refusal, what it says
    ['overnight-channel', 'until: window', 'until: windoww', 'wait: { until: windoww }', '`until` is "windoww"'],
    ['overnight-channel', 'template: upgrade-done', 'template: upgrade-over', 'notify: { to: all, template: upgrade-over }', 'no notice template `upgrade-over`'],
    ['overnight-channel', 'undo: proxy/open', 'owner: ops', '- id: close', 'closes the site before the point of no return and has no `undo`'],
    ['overnight-channel', 'undo: { uses: app/start, with: { slot: live, version: from } }', 'owner: ops', '- id: stop', 'is disruptive before the point of no return and has no `undo`'],
    ['overnight-channel', 'require: restored', 'require: resored', 'require: resored', '`require` is `resored`; did you mean `restored`?'],
    ['overnight-channel', '    pointOfNoReturn: true # from the moment it starts, going back means restoring\n', '', '- id: migrate', 'is destructive and has no `undo`'],
    ['overnight-channel', 'recover: restore-and-reopen', 'recover: restore-and-open', 'recover: restore-and-open', 'did you mean `restore-and-reopen`?'],
    ['overnight-channel', 'recover: restore-and-reopen', 'recover: upgrade-in-place', 'recover: upgrade-in-place', 'is not a recovery'],
    ['overnight-channel', 'uses: app/stage', 'uses: app/stagee', 'uses: app/stagee', 'did you mean `app/stage`?'],
    ['overnight-channel', 'expect: 60s', 'expect: 60 s', 'expect: 60 s', '`expect` is "60 s"'],
    ['overnight-channel', 'retry:', 'retries:', 'retries: { times: 2, pause: 10s }', 'unknown key `retries`'],
    ['upgrade-in-place', 'id: switch', 'id: start', '- id: start', 'stands here twice'],
    ['upgrade-in-place', 'uses: proxy/switch', 'needs: stage\n    uses: proxy/switch', '- id: switch', 'switches traffic and must lie between'],
    ['restore-and-reopen', 'expect: from', 'expect: to', '- id: open', 'could never open the site'],
    ['restore-and-reopen', 'id: rolled-back', 'id: late\n    uses: database/restore\n  - id: rolled-back', '- id: late', 'must come before the site is opened'],
  ])('%s with `%s` as `%s`', (name, from, to, line, message) => {
    const found = faultsOf(name, changed(TEXTS.get(name) ?? '', from, to));
    expect(found.some((fault) => fault.startsWith(line) && fault.includes(message)), found.join('\n')).toBe(true);
  });
});
