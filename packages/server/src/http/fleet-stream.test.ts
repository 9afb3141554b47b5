import { describe, expect, it } from 'vitest';
import { settledEvents } from './fleet-stream.ts';

describe('a gap in the numbers', () => {
  const event = (id: number, ageMs: number) =>
    ({
      id, at: new Date(1_000_000 - ageMs).toISOString(), actor: '', verb: '', object: { kind: '', id: '' },
      customer: null, before: null, after: null, reason: null,
    }); // prettier-ignore

  it.each([
    ['no gap', [event(1, 0), event(2, 0)], [1, 2]],
    ['a young gap: what follows waits', [event(1, 0), event(3, 100)], [1]],
    ['an old gap: it was rolled back', [event(1, 9_000), event(3, 9_000)], [1, 3]],
    ['a young gap after an old one', [event(2, 9_000), event(4, 100)], [2]],
    ['nothing', [], []],
  ])('%s', (_, events, expected) => {
    expect(settledEvents(events, 0, 1_000_000).map((each) => each.id)).toEqual(expected);
  });
});
