/** Upgrades of many instances at once: what is asked for, and what became of each of them. */
import { ENVIRONMENT_ROLES } from '@sitelift/domain/fleet/fleet.ts';
import { VERDICTS } from '@sitelift/domain/planning/decision.ts';
import { z } from 'zod';
import { ReasonSchema } from './views.ts';

const MOST_WORDS = 10_000;
const Words = z.array(z.string().min(1).max(100)).min(1, 'at least one').max(MOST_WORDS).optional();

/** Every kind that is given must fit, within a kind any one. */
export const SelectionSchema = z
  .strictObject({
    all: z.literal(true).optional(),
    roles: z.array(z.enum(ENVIRONMENT_ROLES)).min(1, 'at least one').max(ENVIRONMENT_ROLES.length).optional(),
    labels: Words,
    customers: Words,
    products: Words,
    instances: Words,
  })
  .refine((select) => Object.values(select).some((words) => words !== undefined), {
    error: 'at least one of all, roles, labels, customers, products, instances',
  });

export const SelectedUpgradeSchema = z.object({
  instance: z.string(),
  /** `start`: it was started, or a dry run would start it; a started run may still wait for its window. */
  verdict: z.enum(VERDICTS),
  fromVersion: z.string().nullable(),
  toVersion: z.string().nullable(),
  /** Its run; null when none was started. */
  started: z.string().nullable(),
  /** `code` null: what no reason of the planner says, such as a pin to another version than was asked for. */
  reasons: z.array(ReasonSchema.extend({ code: ReasonSchema.shape.code.nullable() })),
});
export type SelectedUpgradeView = z.infer<typeof SelectedUpgradeSchema>;
