import { describe, expect, it } from 'vitest';
import { createTryCounter } from './try-counter.ts';

describe('a try counter', () => {
  it('lets so many through in a window, tells how long to wait, and starts anew', () => {
    let now = 0;
    const counter = createTryCounter(2, 1_000, () => now);
    expect([counter.take('a'), counter.take('a')]).toEqual([null, null]);
    now = 400;
    expect([counter.take('a'), counter.take('b')]).toEqual([600, null]);
    now = 1_000;
    expect(counter.take('a')).toBeNull();
  });

  it('does not count what was given back, nor more than was taken', () => {
    const counter = createTryCounter(1, 1_000, () => 0);
    for (let round = 0; round < 5; round += 1) {
      expect(counter.take('a')).toBeNull();
      counter.giveBack('a');
      counter.giveBack('a');
    }
    expect([counter.take('a'), counter.take('a')]).toEqual([null, 1_000]);
  });
});
