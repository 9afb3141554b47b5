/** Which step comes before which: ids, `needs`, cycles; then a lookup that does not search again. */
import type { PlaybookStep } from './playbook.ts';
import { didYouMean } from './nearest-word.ts';
import { MAX_ERRORS_PER_FILE, type Position } from './source-error.ts';

export interface StepOrder {
  /** True when `earlier` is an ancestor of `later`, so it must have ended well before `later` starts. */
  isBefore(earlier: string, later: string): boolean;
}

export function orderSteps(
  steps: readonly PlaybookStep[],
  refuse: (at: Position, message: string, expected?: string) => void,
): StepOrder {
  const byId = new Map<string, PlaybookStep>();
  for (const step of steps) {
    const first = byId.get(step.id);
    if (first === undefined) byId.set(step.id, step);
    else
      refuse(
        step.keyAt.id ?? step.at,
        `the id \`${step.id}\` stands here twice; first in line ${first.at.line}`,
      );
  }
  const ids = [...byId.keys()];
  let hints = 0;
  for (const step of steps) {
    for (const id of new Set(step.needs)) {
      if (byId.has(id)) continue;
      // Every word is compared with every id: more hints than are shown cost seconds.
      hints += 1;
      const hint = hints > MAX_ERRORS_PER_FILE ? '' : didYouMean(id, ids);
      refuse(step.keyAt.needs ?? step.at, `\`${step.id}\` needs \`${id}\`, which is no step here${hint}`);
    }
  }
  refuseCycles(byId, refuse);
  const ancestors = new Map<string, ReadonlySet<string>>();
  return {
    isBefore(earlier, later) {
      const known = ancestors.get(later) ?? ancestorsOf(byId, later);
      ancestors.set(later, known);
      return known.has(earlier);
    },
  };
}

function ancestorsOf(byId: ReadonlyMap<string, PlaybookStep>, id: string): ReadonlySet<string> {
  const seen = new Set<string>();
  const queue = [...(byId.get(id)?.needs ?? [])];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    queue.push(...(byId.get(next)?.needs ?? []));
  }
  return seen;
}

/** Takes away what can start, again and again; what is left runs in a circle or waits for one. */
function refuseCycles(
  byId: ReadonlyMap<string, PlaybookStep>,
  refuse: (at: Position, message: string) => void,
): void {
  const left = new Map(byId);
  for (let size = -1; size !== left.size;) {
    size = left.size;
    for (const step of left.values()) if (step.needs.every((id) => !left.has(id))) left.delete(step.id);
  }
  const [start] = left.values();
  if (start === undefined) return;
  const trail = [start];
  for (let step: PlaybookStep | undefined = start; step !== undefined;) {
    const next: PlaybookStep | undefined = left.get(step.needs.find((id) => left.has(id)) ?? '');
    const known = next === undefined ? -1 : trail.indexOf(next);
    if (known >= 0) {
      const circle = [...trail.slice(known), trail[known]].map((each) => `\`${each?.id}\``);
      const at = trail[known]?.keyAt.needs ?? start.at;
      refuse(at, `the steps wait for each other in a circle: ${circle.join(' needs ')}`);
      return;
    }
    if (next !== undefined) trail.push(next);
    step = next;
  }
}
