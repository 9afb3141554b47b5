/** The same playbook wholly by hand, over the real API: nothing is bound but what looks, and the doors still stand guarded. */
import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { customerFile, openBed, vendorFile, type Bed } from './compose-bed.ts';

let bed: Bed;
let operator: Record<string, string>;

beforeEach(async () => {
  bed = await openBed();
  operator = await bed.people.cookieOf('operator');
});
afterEach(() => bed.stop());

/** A playbook that ships, with every action by hand. */
async function byHand(name: string): Promise<string> {
  const text = await readFile(new URL(`../../../playbooks/${name}.yaml`, import.meta.url), 'utf8');
  return text.replace(`playbook: ${name}`, `playbook: ${name}-by-hand`).replaceAll(/^( +)uses: .*$/gm, '$&\n$1manual: true').replace('recover: restore', 'recover: restore-and-reopen-by-hand #'); // prettier-ignore
}

async function fleetByHand(): Promise<string> {
  await bed.apply(
    {
      // `app` and `proxy` only look here: nothing carries out what the steps say.
      'vendor.yaml': vendorFile('upgrade-in-place-by-hand', ['app', 'proxy']),
      'up.yaml': await byHand('upgrade-in-place'),
      'back.yaml': await byHand('restore-and-reopen'),
      'north.yaml': customerFile('north', ['live', 'uat']),
    },
    ['north-live', 'north-uat'],
  );
  // Asked for before the night looks for itself.
  const run = await bed.start('north-live', operator);
  await bed.server.work();
  return run;
}

async function tick(run: string, step: string, more: object = {}): Promise<{ status: number; body: string }> {
  await expect.poll(() => bed.stepOf(run, step)).toBe('waiting#1');
  const body = { verb: 'done-by-hand', step, evidence: 'seen', ...more };
  const answer = await bed.send('POST', `/api/v1/runs/${run}/commands`, operator, body);
  return { status: answer.status, body: await answer.text() };
}

describe('a playbook by hand', () => {
  it('goes from the first step to the last by ticks of a named person; the proxy is looked at where a word is not enough', async () => {
    const run = await fleetByHand();
    const site = bed.sites.site('north-live');
    expect((await tick(run, 'stage')).status).toBe(200);
    // A claim that the proxy contradicts changes nothing (semantics 20).
    expect((await tick(run, 'close')).status).toBe(200);
    const reason = async () => {
      const { rows } = await sql<{ state_detail: string | null }>`select state_detail from run_step where run_id = ${run} and step_id = 'close'`.execute(bed.test.db); // prettier-ignore
      return rows[0]?.state_detail;
    };
    await expect
      .poll(reason)
      .toBe('operator@vendor.example says that it is done, but the site is still open');
    site.open = false;
    expect((await tick(run, 'close')).status).toBe(200);
    expect(await tick(run, 'backup')).toMatchObject({ status: 409 });
    const backup = { grade: 'restored', begunAt: new Date().toISOString() };
    expect((await tick(run, 'backup', { backup })).status).toBe(200);
    for (const step of ['stop', 'migrate', 'start']) expect((await tick(run, step)).status).toBe(200);
    expect(await tick(run, 'probe')).toMatchObject({ status: 409 });
    expect((await tick(run, 'probe', { observed: { version: '2.0.0', writeOk: true } })).status).toBe(200);
    expect((await tick(run, 'switch')).status).toBe(200);
    await expect.poll(() => bed.stepOf(run, 'open')).toBe('waiting#1');
    site.open = true;
    expect((await tick(run, 'open')).status).toBe(200);
    await expect.poll(() => bed.stateOf(run)).toBe('succeeded');
    expect(bed.sites.effects).toEqual([]);
    const { rows } = await sql<{ event: string; recipient: string }>`select distinct event, recipient from notice where event = 'step-by-hand'`.execute(bed.test.db); // prettier-ignore
    expect(rows).toEqual([{ event: 'step-by-hand', recipient: 'night@vendor.test' }]);
    expect(bed.problems).toEqual([]);
  });

  it('rule 10: the database itself does not hand out an opening whose write check failed', async () => {
    const run = await fleetByHand();
    const site = bed.sites.site('north-live');
    await tick(run, 'stage');
    await expect.poll(() => bed.stepOf(run, 'close')).toBe('waiting#1');
    site.open = false;
    await tick(run, 'close');
    await tick(run, 'backup', { backup: { grade: 'restored', begunAt: new Date().toISOString() } });
    for (const step of ['stop', 'migrate', 'start']) await tick(run, step);
    await tick(run, 'probe', { observed: { version: '2.0.0', writeOk: false } });
    await tick(run, 'switch');
    await expect.poll(() => bed.stateOf(run)).toBe('waiting');
    const { rows } = await sql<{ allowed: boolean }>`select opening_allowed(${run}, 'main', 'open') as allowed`.execute(bed.test.db); // prettier-ignore
    expect(rows).toEqual([{ allowed: false }]);
    expect(await bed.stepOf(run, 'open')).toBe('pending#0');
  });

  it('is refused when nothing can see whether the site is open', async () => {
    await bed.apply(
      {
        'vendor.yaml': vendorFile('upgrade-in-place-by-hand', ['app']),
        'up.yaml': await byHand('upgrade-in-place'),
        'back.yaml': await byHand('restore-and-reopen'),
        'north.yaml': customerFile('north', ['live', 'uat']),
      },
      ['north-live', 'north-uat'],
    );
    await sql`update instance set observed_slot = 'blue'`.execute(bed.test.db);
    await expect(bed.start('north-live', operator)).rejects.toThrow('nothing is bound for proxy/probe');
  });
});
