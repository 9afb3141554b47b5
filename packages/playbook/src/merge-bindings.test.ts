import { describe, expect, it } from 'vitest';
import { mergeBindings } from './merge-bindings.ts';

const PRODUCT = {
  app: { driver: 'exec', cwd: '/srv', env: { A: '1', B: '2' } },
  proxy: { driver: 'haproxy' },
};

describe('bindings of an instance over those of its product', () => {
  it.each([
    ['nothing of its own', {}, PRODUCT],
    [
      'one key wins, and what is inside it is not mixed',
      { app: { env: { A: '3' } } },
      { ...PRODUCT, app: { driver: 'exec', cwd: '/srv', env: { A: '3' } } },
    ],
    [
      'the same driver named again still merges',
      { app: { driver: 'exec', cwd: '/x' } },
      { ...PRODUCT, app: { ...PRODUCT.app, cwd: '/x' } },
    ],
    [
      'another driver replaces the whole entry',
      { app: { driver: 'ssh', host: 'h' } },
      { ...PRODUCT, app: { driver: 'ssh', host: 'h' } },
    ],
    [
      'an action of its own stands beside the family',
      { 'app/probe': { driver: 'http' } },
      { ...PRODUCT, 'app/probe': { driver: 'http' } },
    ],
  ])('%s', (_name, own, expected) => {
    expect(mergeBindings(PRODUCT, own)).toEqual(expected);
  });

  it('changes neither of the two', () => {
    const before = structuredClone(PRODUCT);
    mergeBindings(PRODUCT, { app: { cwd: '/x' } });
    expect(PRODUCT).toEqual(before);
  });
});
