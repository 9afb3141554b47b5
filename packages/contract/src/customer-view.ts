/** The register as one looks for a customer in it: every instance with what it runs and should run, and what is missing. */
import { CUSTOMER_FLAGS } from '@sitelift/domain/fleet/minimum-of-two.ts';
import { ENVIRONMENT_ROLES } from '@sitelift/domain/fleet/fleet.ts';
import { z } from 'zod';

export const CustomerSchema = z.object({
  slug: z.string(),
  name: z.string(),
  /** Live first, then by slug. */
  instances: z.array(
    z.object({
      slug: z.string(),
      role: z.enum(ENVIRONMENT_ROLES),
      product: z.string(),
      url: z.string(),
      /** What a probe saw last; null before the first one. */
      observedVersion: z.string().nullable(),
      /** In words: what decides it, and what that comes to; why there is none where there is none. */
      target: z.string(),
      targetVersion: z.string().nullable(),
    }),
  ),
  flags: z.array(z.enum(CUSTOMER_FLAGS)),
});
export type CustomerView = z.infer<typeof CustomerSchema>;
