/**
 * Customers with their instances, pure over a snapshot: the target is resolved by what the night resolves it by, pins
 * included, so that the register and the plan cannot disagree. A customer without any instance stands in it too.
 */
import type { CustomerView } from '@sitelift/contract/customer-view.ts';
import type { Instance } from '@sitelift/domain/fleet/fleet.ts';
import { customerFlags } from '@sitelift/domain/fleet/minimum-of-two.ts';
import { indexFleet } from '@sitelift/domain/planning/fleet-index.ts';
import { resolveTarget } from '@sitelift/domain/planning/resolve-target.ts';
import type { FleetSnapshot } from '@sitelift/domain/planning/snapshot.ts';

/** Live first, then by slug, by code units. */
function inOrder(a: Instance, b: Instance): number {
  const lives = Number(b.role === 'live') - Number(a.role === 'live');
  return lives || (a.slug < b.slug ? -1 : Number(a.slug > b.slug));
}

export function customerViews(snapshot: FleetSnapshot): CustomerView[] {
  const index = indexFleet(snapshot);
  const instancesOf = Map.groupBy(snapshot.instances, ({ customerId }) => customerId);
  return snapshot.customers.map(({ id, slug, name }) => {
    const own = (instancesOf.get(id) ?? []).toSorted(inOrder);
    return {
      slug,
      name,
      instances: own.map((instance) => {
        const { choice } = resolveTarget(index.releases, instance, index.pins.get(instance.id), snapshot.now);
        return {
          slug: instance.slug,
          role: instance.role,
          product: index.products.get(instance.productId)?.slug ?? '',
          url: instance.url,
          observedVersion: instance.observed?.version ?? null,
          target: choice.why,
          targetVersion: choice.version,
        };
      }),
      flags: [...customerFlags(own.map(({ role }) => role))],
    };
  });
}
