/**
 * What the policies mean that this version acts on: P3 (when), P4 (loss that a backup may have), P5 (its proof and age) and
 * P28 (stages before live). The other keys are accepted and kept for the versions that use them. Values stay as a person
 * wrote them, because an explanation shows them; these functions read P3 to P5 (P28 is the planner's).
 */
import { ENVIRONMENT_ROLES } from '@sitelift/domain/fleet/fleet.ts';
import type { PolicyKey, PolicyValue } from '@sitelift/domain/policy/policy.ts';
import { BACKUP_GRADES, type RunPlan } from '@sitelift/domain/run/plan.ts';
import { HOUR_MS } from '@sitelift/domain/time/instant.ts';
import { z } from 'zod';
import { parseDuration } from './duration.ts';
import { closed } from './explain-issue.ts';
import { DurationSchema } from './value-schemas.ts';

const GradeSchema = z.enum(BACKUP_GRADES);
const StagesSchema = z.array(z.enum(ENVIRONMENT_ROLES).exclude(['live']), {
  error: 'a list of roles other than live, such as [uat]',
});
const AcceptedLossSchema = closed({ acceptedLoss: DurationSchema });
const BackupSchema = z.union(
  [GradeSchema, closed({ grade: GradeSchema.optional(), maxAge: DurationSchema.optional() })],
  {
    error: `a grade (${BACKUP_GRADES.join(', ')}), or \`{ grade, maxAge }\``,
  },
);

/** Shapes of the values that are acted on. A value that does not fit is refused when the file is read. */
export const POLICY_VALUE_SCHEMAS: Readonly<Partial<Record<PolicyKey, z.ZodType>>> = {
  P3: z.enum(['any-time', 'window']),
  P4: AcceptedLossSchema,
  P5: BackupSchema,
  P28: StagesSchema,
};

/** Rule 22's default age, milliseconds. */
const DEFAULT_MAX_AGE_MS = 4 * HOUR_MS;

/** P3; nothing said means: only inside a window. */
export function isAnyTime(p3: PolicyValue | undefined): boolean {
  return p3 === 'any-time';
}

/** P4 and P5 as a plan freezes them. A value that cannot be read counts as the strictest: in doubt, stop. */
export function backupPolicy(p4: PolicyValue | undefined, p5: PolicyValue | undefined): RunPlan['backup'] {
  const loss = AcceptedLossSchema.safeParse(p4);
  const backup = BackupSchema.safeParse(p5);
  const written = backup.success ? backup.data : 'restored';
  const { grade, maxAge } = typeof written === 'string' ? { grade: written, maxAge: undefined } : written;
  return {
    grade: grade ?? 'restored',
    maxAgeMs: (maxAge === undefined ? null : parseDuration(maxAge)) ?? DEFAULT_MAX_AGE_MS,
    acceptedLossMs: (loss.success ? parseDuration(loss.data.acceptedLoss) : null) ?? 0,
  };
}
