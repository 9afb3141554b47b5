/** A refused change is a problem with every reason; one that was made is nothing to speak of. */
import { Problem, type ProblemCode } from '@sitelift/contract/problems.ts';
import type { ChangeResult } from '../../fleet/change-result.ts';

export function throwUnlessDone(result: ChangeResult, refusal: ProblemCode): void {
  if ('missing' in result) throw new Problem('not-found', { detail: result.missing });
  if ('refused' in result) throw new Problem(refusal, { reasons: result.refused });
}
