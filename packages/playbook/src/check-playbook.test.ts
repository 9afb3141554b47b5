/**
 * One good playbook, and one change away from it for every rule that a file can break. Each row names the rule of the
 * semantics, the text that is changed, and the line and column at which the file is refused.
 */
import { describe, expect, it } from 'vitest';
import { ACTION_CATALOGUE } from './action-catalogue.ts';
import { checkPlaybook, isRecovery } from './check-playbook.ts';
import { parsePlaybook } from './parse-playbook.ts';
import type { Playbook } from './playbook.ts';

const GOOD = `playbook: good
title: Good
steps:
  - { id: window, wait: { until: window } }
  - { id: say, notify: { to: primary, template: upgrade-starting } }
  - { id: stage, uses: app/stage, undo: app/unstage }
  - { id: close, uses: proxy/close, undo: proxy/open }
  - { id: backup, uses: database/backup, require: restored }
  - { id: stop, uses: app/stop, undo: app/start }
  - { id: migrate, uses: database/migrate, pointOfNoReturn: true }
  - { id: start, uses: app/start }
  - { id: probe, uses: app/probe, with: { expect: to } }
  - { id: switch, uses: proxy/switch }
  - { id: open, uses: proxy/open }
  - { id: tell, notify: { to: [all, ops@example.test], template: upgrade-done } }
recover: back
`;

const RECOVERY = `playbook: back
title: Back
steps:
  - { id: restore, uses: database/restore }
  - { id: start, uses: app/start }
  - { id: probe, uses: app/probe, with: { expect: from } }
  - { id: switch, uses: proxy/switch, with: { to: live } }
  - { id: open, uses: proxy/open }
`;

/** Nothing closes here: a release without downtime that only switches. */
const SWITCHING = `playbook: switching
title: Switching
steps:
  - { id: start, uses: app/start }
  - { id: probe, uses: app/probe, with: { expect: to } }
  - { id: switch, uses: proxy/switch }
`;

function parsed(text: string): Playbook {
  const result = parsePlaybook(text, 'f.yaml');
  if ('errors' in result) throw new Error(JSON.stringify(result.errors));
  return result.playbook;
}

const BACK = parsed(RECOVERY);

function faultsOf(text: string): string[] {
  const playbook = parsed(text);
  const others = new Map([BACK, playbook].map((each) => [each.name, each]));
  return checkPlaybook(playbook, ACTION_CATALOGUE, { others }).map(
    ({ line, column, message }) => `${line}:${column} ${message}`,
  );
}

/** Replaces one text of the file, which must be there: a row that changes nothing proves nothing. */
function changed(text: string, from: string, to: string): string {
  expect(text).toContain(from);
  return text.replace(from, to);
}

describe('what a playbook may mean', () => {
  it.each([
    ['an upgrade', GOOD],
    ['a recovery', RECOVERY],
    ['a switch without downtime', SWITCHING],
  ])('%s that keeps every rule passes', (_name, text) => {
    expect(faultsOf(text)).toEqual([]);
  });

  // prettier-ignore
  it.each<[string, string, string, string]>([
    // rule, what is changed, into what, the refusal
    ['6: a wait while the site is closed', 'stop, uses: app/stop, undo: app/start }', 'stop, uses: app/stop, undo: app/start }\n  - { id: nap, wait: { until: window } }', '10:16 `nap` waits while the site is closed'],
    ['9: closed and never opened', '  - { id: open, uses: proxy/open }\n', '', '7:5 `close` closes the site and nothing opens it'],
    ['9: opened and never closed', '  - { id: close, uses: proxy/close, undo: proxy/open }\n', '', '13:5 `open` opens a site that nothing closes'],
    ['9: opened before it is closed', 'id: open, uses: proxy/open', 'id: open, uses: proxy/open, needs: say', '14:5 `open` does not come after the closing step `close`'],
    ['9: closed twice', '- { id: stop,', '- { id: again, uses: proxy/close, undo: proxy/open }\n  - { id: stop,', '9:5 `again` is a second closing step; `close` is one already'],
    ['9: opened twice', '- { id: tell,', '- { id: again, uses: proxy/open }\n  - { id: tell,', '15:5 `again` is a second opening step; `open` is one already'],
    ['9: a disruptive action before closing', '- { id: stage, uses: app/stage, undo: app/unstage }', '- { id: stage, uses: app/stop, undo: app/start }', '6:5 `stage` is disruptive and must lie between `close` and `open`'],
    ['9: a step that says disruptive before closing', 'undo: app/unstage }', 'undo: app/unstage, disruptive: true }', '6:5 `stage` is disruptive and must lie between `close` and `open`'],
    ['9: a switch before closing', '- { id: stage, uses: app/stage, undo: app/unstage }', '- { id: stage, uses: dns/switch, undo: dns/switch }', '6:5 `stage` switches traffic and must lie between `close` and `open`'],
    ['10: opening without a probe', '  - { id: probe, uses: app/probe, with: { expect: to } }\n', '', '13:5 `open` could never open the site: no version is observed after `stage`, `stop`, `migrate`, `start`'],
    ['10: a probe of the wrong version', 'expect: to', 'expect: from', '14:5 `open` could never open the site: no version is observed after `stage`, `stop`, `migrate`, `start`'],
    ['10: a change after the probe', '- { id: switch,', '- { id: late, uses: files/put }\n  - { id: switch,', '15:5 `open` could never open the site: no version is observed after `late`'],
    ['9: a DNS switch before the probe', '- { id: probe,', '- { id: dns, uses: dns/switch }\n  - { id: probe,', '12:5 `dns` could never open the site: no version is observed after `stage`, `stop`, `migrate`, `start`'],
    ['14: closing without undo', 'proxy/close, undo: proxy/open', 'proxy/close', '7:5 `close` closes the site before the point of no return and has no `undo`'],
    ['14: a disruptive step without undo', 'app/stop, undo: app/start', 'app/stop', '9:5 `stop` is disruptive before the point of no return and has no `undo`'],
    ['14: a destructive step without undo', 'app/stop, undo: app/start', 'files/remove', '9:5 `stop` is destructive before the point of no return and has no `undo`'],
    ['14: no mark on what is destructive', ', pointOfNoReturn: true', '', '10:5 `migrate` is destructive and has no `undo`'],
    ['14: no recovery', 'recover: back\n', '', '10:44 `migrate` is the point of no return and the playbook has no `recover`'],
    ['14: two points of no return', 'start, uses: app/start', 'start, uses: app/start, pointOfNoReturn: true', '11:35 `start` is a second point of no return; `migrate` is one already'],
    ['15: a step neither before nor after the mark', 'id: start, uses: app/start', 'id: start, uses: app/start, needs: stop', '11:5 `start` comes neither before nor after the point of no return `migrate`'],
    ['22: no proven backup before the mark', ', require: restored', '', '10:44 no backup, no point of no return: nothing before `migrate` has a `require`'],
    ['22: a proof of what is no backup', 'app/stage, undo', 'app/stage, require: written, undo', '6:35 `require` asks for a backup, and `app/stage` makes none'],
    ['12: a gate while closed without a clock', '- { id: switch,', '- { id: certify, gate: { kind: certification }, onTimeout: roll-back }\n  - { id: switch,', '13:20 `certify` is a gate while the site is closed and has no `timeout`'],
    ['12: a gate while closed without what follows', '- { id: switch,', '- { id: certify, gate: { kind: certification }, timeout: 1h }\n  - { id: switch,', '13:51 `certify` cannot `fail` while the site is closed'],
    ['12: a gate while closed whose clock would pass it on', '- { id: switch,', '- { id: certify, gate: { kind: certification }, timeout: 1h, onTimeout: abort }\n  - { id: switch,', '13:64 `certify` cannot `abort` while the site is closed'],
    ['10: a gate beside the opening', '- { id: tell,', '- { id: certify, gate: { kind: certification }, timeout: 1h, onTimeout: roll-back, needs: migrate }\n  - { id: tell,', '15:20 `certify` is a gate neither before nor after the opening `open`'],
    ['an unknown role at a gate', '- { id: stage,', '- { id: ok, gate: { kind: sign-off, by: primry } }\n  - { id: stage,', '6:15 `primry` is no contact role; did you mean `primary`?'],
    ['a checklist that is not declared', '- { id: stage,', '- { id: ok, gate: { kind: sign-off, checklists: go-live } }\n  - { id: stage,', '6:15 the playbook declares no checklist `go-live`'],
    ['12: a time-out before closing that holds a site closed', 'wait: { until: window }', 'wait: { until: { signal: go } }, onTimeout: hold-closed', '4:52 `window` cannot `hold-closed` before the site closes'],
    ['12: a time-out while closed that fails', 'id: stop, uses: app/stop,', 'id: stop, uses: app/stop, manual: true, timeout: 1h, onTimeout: fail,', '9:60 `stop` cannot `fail` while the site is closed'],
    ['17: a time-out after opening that goes back', '- { id: tell,', '- { id: ok, wait: { until: { signal: ok } }, onTimeout: roll-back }\n  - { id: tell,', '15:48 `ok` cannot `roll-back` after it opens'],
    ['what follows a time-out of what waits for nobody', 'id: stage, uses: app/stage,', 'id: stage, uses: app/stage, onTimeout: abort,', '6:35 `stage` waits for nobody, so nothing follows its time-out but a failed attempt'],
    ['recover names nothing', 'recover: back', 'recover: bakc', '16:10 there is no playbook `bakc`; did you mean `back`?'],
    ['recover names no recovery', 'recover: back', 'recover: good', '16:10 `good` is not a recovery'],
    ['an unknown action', 'app/stage', 'app/stgae', '6:18 unknown action `app/stgae`; did you mean `app/stage`?'],
    ['an unknown action to undo with', 'app/unstage', 'app/unstaeg', '6:35 unknown action `app/unstaeg`; did you mean `app/unstage`?'],
    ['an unknown template', 'upgrade-starting', 'upgrade-startng', '5:16 there is no notice template `upgrade-startng`; did you mean `upgrade-starting`?'],
    ['an unknown recipient', 'to: primary', 'to: primry', '5:16 `primry` is nobody to notify; did you mean `primary`?'],
    ['a broken address', 'ops@example.test', '"ops@a, b@c"', '15:17 `ops@a, b@c` is nobody to notify'],
    ['two steps of one name', 'id: stage', 'id: say', '6:7 the id `say` stands here twice; first in line 5'],
    ['a need that is no step', 'id: stop,', 'id: stop, needs: bakcup,', '9:17 `stop` needs `bakcup`, which is no step here; did you mean `backup`?'],
    ['a circle', 'id: stage,', 'id: stage, needs: stop,', '6:18 the steps wait for each other in a circle: `stage` needs `stop` needs `backup` needs `close` needs `stage`'],
    ['a step that needs itself', 'id: stage,', 'id: stage, needs: stage,', '6:18 the steps wait for each other in a circle: `stage` needs `stage`'],
  ])('rule %s', (_rule, from, to, refusal) => {
    expect(faultsOf(changed(GOOD, from, to))).toContain(refusal);
  });

  // prettier-ignore
  it.each<[string, string, string, string]>([
    ['6: it waits on a closed site', '- { id: start,', '- { id: nap, wait: { until: window } }\n  - { id: start,', '5:16 `nap` waits while the site is closed'],
    ['10: it opens without a probe of the old version', 'expect: from', 'expect: to', '8:5 `open` could never open the site: no version is observed after `restore`, `start`'],
    ['12: it has a gate', 'proxy/open }\n', 'proxy/open }\n  - { id: ok, gate: { kind: approval } }\n', '9:15 `ok` is a gate, and a recovery waits for nobody'],
    ['6: it waits for somebody else', 'proxy/open }\n', 'proxy/open }\n  - { id: ok, wait: { until: { signal: ok } } }\n', '9:15 `ok` waits for somebody else, and a recovery waits for nobody'],
    ['it gives up by a clock', 'uses: app/start', 'uses: app/start, manual: true, timeout: 1h, onTimeout: roll-back', '5:62 `start` is a step of a recovery, which never gives up by a clock'],
    ['14: it has a recovery of its own', 'proxy/open }\n', 'proxy/open }\nrecover: back\n', '9:10 a recovery has no recovery of its own; when it fails a person decides'],
    ['9: it disrupts after opening', 'proxy/open }\n', 'proxy/open }\n  - { id: late, uses: app/stop }\n', '9:5 `late` must come before the site is opened by `open`'],
  ])('a recovery, rule %s', (_rule, from, to, refusal) => {
    expect(faultsOf(changed(RECOVERY, from, to))).toContain(refusal);
  });

  it('without closing and opening the guard stands at the step that switches traffic', () => {
    const text = changed(SWITCHING, ', with: { expect: to }', '');
    expect(faultsOf(text)).toEqual([
      '6:5 `switch` could never open the site: no version is observed after `start`',
    ]);
  });

  it('a disruptive step in a playbook that never closes is refused', () => {
    const text = changed(SWITCHING, 'id: start, uses: app/start', 'id: start, uses: app/stop');
    expect(faultsOf(text)[0]).toBe('4:5 `start` is disruptive, but the playbook never closes the site');
  });

  it('every fault is told at once, in the order of the lines', () => {
    const text = GOOD.replace('proxy/close, undo: proxy/open', 'proxy/close').replace('restored', 'readable');
    const worse = text.replace('expect: to', 'expect: from').replace('upgrade-done', 'upgrade-dine');
    expect(faultsOf(worse).map((fault) => fault.split(' ')[0])).toEqual(['7:5', '14:5', '15:17']);
  });

  it('a recovery is known by opening without closing', () => {
    expect([GOOD, RECOVERY, SWITCHING].map((text) => isRecovery(parsed(text), ACTION_CATALOGUE))).toEqual([
      false,
      true,
      false,
    ]);
  });

  it('thousands of needs that are no steps are refused without comparing each with everything', () => {
    const needs = Array.from({ length: 9_000 }, (_, index) => `b${index}`).join(', ');
    const found = faultsOf(changed(GOOD, 'id: stage,', `id: stage, needs: [${needs}],`));
    expect(found[0]).toBe('6:18 `stage` needs `b0`, which is no step here');
    expect(found.at(-1)).toBe('6:1 and 8900 more');
  });

  it('a file that is checked alone says nothing of the recovery that it cannot see', () => {
    expect(checkPlaybook(parsed(GOOD), ACTION_CATALOGUE)).toEqual([]);
  });
});
