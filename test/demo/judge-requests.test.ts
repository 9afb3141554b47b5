import { describe, expect, it } from 'vitest';
import { judgeRequests } from '../../demo/judge-requests.ts';
import type { RequestReport, SiteReport } from '../../demo/load-client.ts';

const START = Date.parse('2026-11-25T02:00:00Z');
const at = (seconds: number): number => START + seconds * 1000;
const iso = (seconds: number): string => new Date(at(seconds)).toISOString();

function seen(site: Partial<SiteReport>): RequestReport {
  const none = { total: 900, ok: 900, maintenance: 0, failed: 0, retried: 0, stretches: [], failures: [] };
  return { startedAt: START, endedAt: at(90), sites: { north: { ...none, ...site } } };
}

const page = (from: number, until: number) => ({ firstAt: at(from), lastAt: at(until), requests: 10 });
const closed = [{ instance: 'north', closedAt: iso(10), openedAt: iso(20) }];

function problems(report: RequestReport, runs: Parameters<typeof judgeRequests>[1] = []): readonly string[] {
  return judgeRequests(report, runs).get('north')?.problems ?? ['no verdict'];
}

describe('what the users saw, held against the journal', () => {
  it('finds nothing wrong with a site that always answered', () => {
    expect(problems(seen({}))).toEqual([]);
  });

  it('names a single failed request with its time and its cause', () => {
    const report = seen({ failed: 1, failures: [{ at: at(5), why: 'GET / answered 503' }] });
    expect(problems(report)).toEqual([
      `1 of 900 requests to north failed, the first at ${iso(5)}: GET / answered 503`,
    ]);
  });

  it.each([
    ['inside what the journal says', 10.5, 19.5, true],
    ['up to a second early and late', 9.1, 20.9, true],
    ['more than a second early', 8.9, 19, false],
    ['more than a second late', 11, 21.1, false],
    ['somewhere else entirely', 40, 45, false],
  ])('a page %s', (_, from, until, good) => {
    expect(problems(seen({ stretches: [page(from, until)] }), closed)).toHaveLength(good ? 0 : 1);
  });

  it('does not take the interval of another site', () => {
    const other = [{ instance: 'south', closedAt: iso(10), openedAt: iso(20) }];
    expect(problems(seen({ stretches: [page(11, 19)] }), other)).toHaveLength(1);
  });

  it('lets the page stand to the end while the journal says that the site is closed', () => {
    const open = [{ instance: 'north', closedAt: iso(10), openedAt: null }];
    expect(problems(seen({ stretches: [page(11, 90)] }), open)).toEqual([]);
  });

  it('adds up what the users saw of the page', () => {
    const verdict = judgeRequests(seen({ stretches: [page(11, 13), page(14, 19.5)] }), closed).get('north');
    expect(verdict?.maintenanceSeconds).toBe(7.5);
  });

  it('does not call a night good in which nobody asked', () => {
    expect(problems(seen({ total: 0, ok: 0 }))).toEqual(['nobody asked north anything']);
  });
});
