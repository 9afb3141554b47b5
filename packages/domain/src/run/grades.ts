/** Order of the grades of proof of a backup: `written` < `readable` < `restored` (reliability I-26). */
import type { BackupGrade } from './plan.ts';

export const GRADE_ORDER: Readonly<Record<BackupGrade, number>> = { written: 1, readable: 2, restored: 3 };
