/** Gates over the real API and the real engine, with a checklist from a file; the guard on opening in SQL. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunView } from '@sitelift/contract/views.ts';
import { sql } from 'kysely';
import { customerFile, openBed, vendorFile, type Bed } from './compose-bed.ts';

let bed: Bed;
let operator: Record<string, string>;
let admin: Record<string, string>;

beforeEach(async () => {
  bed = await openBed();
  operator = await bed.people.cookieOf('operator');
  admin = await bed.people.cookieOf('admin');
});
afterEach(() => bed.stop());

const CHECKLIST = `checklist: go-live
title: Go live
items:
  - { id: login, text: People can sign in }
  - { id: order, text: An order can be placed }
`;

/** Closes, lets testers in by the bypass, and opens when they are content. */
const CLOSED = `playbook: certified
title: Certified
checklists: [checklists/go-live.yaml]
steps:
  - { id: close, uses: proxy/close, undo: proxy/open }
  - { id: start, uses: app/start, with: { slot: staging, version: to } }
  - { id: probe, uses: app/probe, with: { slot: staging, expect: to, write: false } }
  - { id: certify, gate: { kind: certification, checklists: go-live }, timeout: 1h, onTimeout: roll-back }
  - { id: open, uses: proxy/open }
`;

const APPROVAL = `playbook: certified
title: Certified
steps:
  - { id: approve, gate: { kind: approval }, timeout: 7d, onTimeout: abort }
  - { id: stage, uses: app/stage, undo: app/unstage }
`;

async function started(playbook: string, gate: string, files: Record<string, string> = {}): Promise<string> {
  const texts = { 'vendor.yaml': vendorFile('certified'), 'p.yaml': playbook, 'north.yaml': customerFile('north', ['live', 'uat']), ...files };
  await bed.apply(texts, ['north-live', 'north-uat']);
  const run = await bed.start('north-live', operator);
  await bed.server.work();
  await expect.poll(() => bed.stepOf(run, gate)).toBe('waiting#1');
  return run;
} // prettier-ignore

function say(run: string, what: string, body: object, who = operator): Promise<Response> {
  return bed.send('POST', `/api/v1/runs/${run}/gates/${what}`, who, body);
}

async function gateOf(run: string, id: string): Promise<RunView['steps'][number]['gate']> {
  const view = (await (await bed.send('GET', `/api/v1/runs/${run}`, operator)).json()) as RunView; // as: the route's schema
  return view.steps.find((step) => step.id === id)?.gate ?? null;
}

const FILES = { 'checklists/go-live.yaml': CHECKLIST };

describe('a certification', () => {
  it('is frozen from its file, passes by its items, and only then the site opens', async () => {
    const run = await started(CLOSED, 'certify', FILES);
    // What people check is what was planned, whatever becomes of the file.
    await sql`update checklist set items = '[]'`.execute(bed.test.db);
    bed.sites.site('north-live').schema = '2.0.0';
    expect((await gateOf(run, 'certify'))?.items.map(({ item, result }) => [item, result])).toEqual([['login', null], ['order', null]]); // prettier-ignore
    const pass = (item: string) =>
      say(run, 'certify/items', { checklist: 'go-live', item, result: 'passed' });
    expect((await pass('login')).status).toBe(200);
    expect((await say(run, 'certify/votes', { decision: 'pass', reason: 'fine' })).status).toBe(409);
    expect(bed.sites.site('north-live').open).toBe(false);
    expect((await pass('order')).status).toBe(200);
    expect(await gateOf(run, 'certify')).toMatchObject({ state: 'decided', decided: { as: 'passed' } });
    const { rows } = await sql<{ gate: string }>`select gate from run_step where run_id = ${run} and step_id = 'certify'`.execute(bed.test.db); // prettier-ignore
    expect(rows).toEqual([{ gate: 'passed' }]);
    const told = await sql<{ recipient: string }>`select recipient from notice where event = 'gate-opened' and run_id = ${run}`.execute(bed.test.db); // prettier-ignore
    expect(told.rows).toEqual([{ recipient: 'night@vendor.test' }]);
  });

  it('that nobody passes in time goes back and opens on the old version (rule 12)', async () => {
    const run = await started(CLOSED, 'certify', FILES);
    await bed.test.skipTime(3_600_000);
    await expect.poll(() => bed.stateOf(run)).toBe('rolled-back');
    expect(bed.sites.site('north-live')).toMatchObject({ open: true, slot: 'blue' });
    operator = await bed.people.cookieOf('operator'); // the session has slept too long
    expect((await gateOf(run, 'certify'))?.state).toBe('timed-out');
  });

  it('rule 10: the database opens nothing past a gate that was marked as skipped by whatever mistake', async () => {
    const run = await started(CLOSED, 'certify', FILES);
    const allowed = async () => {
      const { rows } = await sql<{ allowed: boolean }>`select opening_allowed(${run}, 'main', 'open') as allowed`.execute(bed.test.db); // prettier-ignore
      return rows[0]?.allowed;
    };
    await sql`update run set observed_version = to_version, observed_write_ok = true, observed_seq = last_seq + 1 where id = ${run}`.execute(bed.test.db); // prettier-ignore
    const mark = (state: string, gate: string) =>
      sql`update run_step set state = ${state}, gate = ${gate} where run_id = ${run} and step_id = 'certify'`.execute(bed.test.db); // prettier-ignore
    await mark('skipped', 'open');
    expect(await allowed()).toBe(false);
    await mark('succeeded', 'denied');
    expect(await allowed()).toBe(false);
    await mark('succeeded', 'overridden');
    expect(await allowed()).toBe(true);
    await mark('succeeded', 'passed');
    expect(await allowed()).toBe(true);
  });
});

describe('an approval', () => {
  it('is not given by whoever asked for the upgrade; the first decision counts, and the next is told whose it was', async () => {
    const run = await started(APPROVAL, 'approve');
    const own = await say(run, 'approve/votes', { decision: 'pass', reason: 'mine' });
    expect([own.status, await own.json()]).toMatchObject([409, { reasons: ['whoever asked for the upgrade cannot approve it'] }]); // prettier-ignore
    const manager = await bed.people.cookieOf('release-manager');
    const answers = await Promise.all([
      say(run, 'approve/votes', { decision: 'pass', reason: 'fine' }, admin),
      say(run, 'approve/votes', { decision: 'pass', reason: 'fine' }, manager),
    ]);
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 409]);
    const lost = (await answers.find(({ status }) => status === 409)?.json()) as {
      type: string;
      reasons: string[];
    };
    expect(lost.type).toBe('/problems#gate-decided');
    expect(lost.reasons[0]).toMatch(/^(admin|release-manager)@vendor\.example has passed it at \d{4}-/);
    await expect.poll(() => bed.stateOf(run)).toBe('succeeded');
  });

  it('that is denied waits until it is opened anew; an override is refused by this version', async () => {
    const run = await started(APPROVAL, 'approve');
    expect((await say(run, 'approve/votes', { decision: 'deny', reason: 'not now' }, admin)).status).toBe(
      200,
    );
    const override = await say(run, 'approve/override', { reason: 'we must' }, admin);
    expect([override.status, await override.json()]).toMatchObject([
      409,
      { type: '/problems#command-refused' },
    ]);
    const retry = { verb: 'retry', step: 'approve' };
    expect((await bed.send('POST', `/api/v1/runs/${run}/commands`, operator, retry)).status).toBe(200);
    await expect.poll(() => bed.stepOf(run, 'approve')).toBe('waiting#2');
    expect((await say(run, 'approve/votes', { decision: 'pass', reason: 'fine' }, admin)).status).toBe(200);
    await expect.poll(() => bed.stateOf(run)).toBe('succeeded');
  });
});

describe('a playbook that asks for a checklist', () => {
  it('is refused when the checklist is not there, or not named like its file', async () => {
    await expect(started(CLOSED, 'certify')).rejects.toThrow('there is no checklist go-live for certified');
    await expect(started(CLOSED, 'certify', { 'checklists/other.yaml': CHECKLIST })).rejects.toThrow(
      'the checklist `go-live` is not named like its file',
    );
  });
});
