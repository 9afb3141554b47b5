import { describe, expect, it } from 'vitest';
import type { Decision, ReasonCode, Verdict } from '@sitelift/domain/planning/decision.ts';
import { whatStandsAgainst } from './personal-upgrade.ts';

function decision(verdict: Verdict, codes: readonly ReasonCode[], change: Partial<Decision> = {}): Decision {
  return {
    instanceId: 'inst_1',
    verdict,
    fromVersion: '1.0',
    toVersion: '2.0',
    toReleaseId: 'rel_2',
    reasons: codes.map((code) => ({ code, detail: code, clearsAt: null, clearedBy: null })),
    window: null,
    startsAt: null,
    ...change,
  };
}

const nowhere = { toVersion: null, toReleaseId: null };
const there = { toVersion: '1.0' };

describe('what stands against an upgrade that a person asks for', () => {
  it.each<[string, Decision, string | null, boolean, readonly string[]]>([
    ['nothing, when the night would start it too', decision('start', ['differs-from-target']), null, false, []],
    ['nothing, when its stages have done with it', decision('wait', ['window-shut', 'differs-from-target', 'stages']), null, false, []],
    ['nothing, when it only waits for its window', decision('wait', ['differs-from-target', 'window-shut']), null, false, []],
    ['a window that does not exist', decision('refuse', ['no-window']), null, false, ['no-window']],
    ['no window, when it may run at any time', decision('refuse', ['no-window']), null, true, []],
    ['not that it is risky: the person is there', decision('hold', ['needs-a-person-to-start']), null, false, []],
    ['not the night’s capacity', decision('wait', ['capacity-full']), null, false, []],
    ['a freeze, at any time too', decision('hold', ['frozen', 'window-shut']), null, true, ['frozen']],
    ['a hold and a stage before it, both at once', decision('hold', ['held', 'stage-pending']), null, true, ['held', 'stage-pending']],
    ['that it is there already', decision('up-to-date', ['at-target'], there), null, true, ['at-target']],
    ['that there is nowhere to go', decision('refuse', [], nowhere), null, true, ['there is no version to go to']],
    ['a pin to another version than was asked for', decision('start', ['pinned']), '3.0', true,
      ['it would go to 2.0, not to the version that was asked for', 'pinned']],
  ])('%s', (_, given, version, anyTime, expected) => {
    const against = whatStandsAgainst(given, { version, anyTime });
    expect(against.map(({ detail }) => detail)).toEqual(expected);
  });
}); // prettier-ignore
