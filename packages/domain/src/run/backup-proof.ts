/** Rule 22: no backup, no point of no return. */
import type { EpochMs } from '../time/instant.ts';
import { GRADE_ORDER } from './grades.ts';
import type { RunPlan } from './plan.ts';
import type { RunState } from './run-state.ts';

/** What is wrong with the backup of this run; null when the proof is there. `now` null: its age is not asked. */
export function missingBackup(plan: RunPlan, state: RunState, now: EpochMs | null): string | null {
  const { backup } = state;
  if (backup === null) return 'this run has taken no backup';
  if (GRADE_ORDER[backup.grade] < GRADE_ORDER[plan.backup.grade]) {
    return `the backup is ${backup.grade}, not ${plan.backup.grade}`;
  }
  if (now !== null && now - backup.begunAt > plan.backup.maxAgeMs)
    return 'the backup is older than the policy allows';
  return null;
}
