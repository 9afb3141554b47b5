import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { inScope, windowsOf } from '../time/window-occurrences.ts';
import type { MaintenanceWindow, Scope } from './fleet.ts';
import { indexByScope } from './scope-index.ts';

const scope: fc.Arbitrary<Scope> = fc.oneof(
  fc.constant<Scope>({ kind: 'fleet' }),
  fc.constantFrom('a', 'b', 'c').map((label): Scope => ({ kind: 'label', label })),
  fc
    .constantFrom('cust_1' as const, 'cust_2' as const)
    .map((customerId): Scope => ({ kind: 'customer', customerId })),
  fc
    .constantFrom('inst_1' as const, 'inst_2' as const)
    .map((instanceId): Scope => ({ kind: 'instance', instanceId })),
);

it('finds exactly the rules that a walk over all of them finds', () => {
  const instance = fc.record({
    id: fc.constantFrom('inst_1' as const, 'inst_2' as const),
    customerId: fc.constantFrom('cust_1' as const, 'cust_2' as const),
    labels: fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 }),
  });
  fc.assert(
    fc.property(fc.array(scope, { maxLength: 12 }), instance, (scopes, one) => {
      const rules = scopes.map((scope, index): MaintenanceWindow => ({
        id: `win_${index}`, scope, days: ['mon'], start: '02:00', zone: 'site', lengthMs: 1, cutOffMs: 0,
      })); // prettier-ignore
      const index = indexByScope(rules);
      expect(new Set(index.all(one))).toEqual(new Set(rules.filter((rule) => inScope(rule.scope, one))));
      expect(new Set(index.mostSpecific(one))).toEqual(new Set(windowsOf(one, rules)));
      expect(index.all(one)).toBe(index.all(one));
      expect(index.mostSpecific(one)).toBe(index.mostSpecific(one));
    }),
    { numRuns: 500, seed: 11 },
  );
});
