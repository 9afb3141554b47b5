/** The rules about what waits for people: what a clock may ask for, and where a gate may stand (semantics 10, 12). */
import { CONTACT_ROLES } from './fleet-file.ts';
import type { Checked } from './checked.ts';
import { didYouMean } from './nearest-word.ts';

/**
 * "Keys, complete": what a time-out may ask for depends on whether users are in. A recovery has no clock: there is nowhere
 * further back to go.
 */
export function checkTimeouts(
  { playbook, order, closing, opening, uses, refuse }: Checked,
  recovery: boolean,
): void {
  const guard = opening?.step ?? uses.find(({ flags }) => flags.switchesTraffic)?.step ?? null;
  for (const step of playbook.steps) {
    const at = step.keyAt.onTimeout ?? step.keyAt.timeout ?? step.at;
    const manual = step.kind === 'uses' && step.manual;
    if (step.keyAt.onTimeout !== undefined && step.kind === 'uses' && !manual) {
      refuse(
        at,
        `\`${step.id}\` waits for nobody, so nothing follows its time-out but a failed attempt`,
        '`manual: true`, or `retry`',
      );
      continue;
    }
    if (step.onTimeout === null) continue;
    if (recovery) {
      if (manual) refuse(at, `\`${step.id}\` is a step of a recovery, which never gives up by a clock`);
      continue;
    }
    const isEarly =
      closing === null
        ? guard === null || !order.isBefore(guard.id, step.id)
        : step.id === closing.step.id || order.isBefore(step.id, closing.step.id);
    const isLate = guard !== null && order.isBefore(guard.id, step.id);
    const allowed = isEarly ? BEFORE_CLOSING : isLate ? AFTER_OPENING : WHILE_CLOSED;
    if ((allowed as readonly string[]).includes(step.onTimeout)) continue;
    const when = isEarly ? 'before the site closes' : isLate ? 'after it opens' : 'while the site is closed';
    refuse(
      at,
      `\`${step.id}\` cannot \`${step.onTimeout}\` ${when}`,
      `\`onTimeout\`: ${allowed.join(' or ')}`,
    );
  }
}

const BEFORE_CLOSING = ['fail', 'abort', 'roll-back'] as const;
const WHILE_CLOSED = ['roll-back', 'hold-closed'] as const;
const AFTER_OPENING = ['fail'] as const;

/** The name of the checklist in a file of this path. */
export function checklistName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.yaml$/, '');
}

/** Rule 12, and rule 10 as far as a file shows it: every gate is before the opening or after it. */
export function checkGates({ playbook, order, closing, opening, refuse }: Checked, recovery: boolean): void {
  const declared = playbook.checklists.map(checklistName);
  for (const step of playbook.steps) {
    if (step.kind !== 'gate') continue;
    const at = step.keyAt.gate ?? step.at;
    if (recovery) {
      refuse(at, `\`${step.id}\` is a gate, and a recovery waits for nobody`);
      continue;
    }
    for (const role of step.by) {
      if ((CONTACT_ROLES as readonly string[]).includes(role)) continue;
      refuse(
        at,
        `\`${role}\` is no contact role${didYouMean(role, CONTACT_ROLES)}`,
        `one of ${CONTACT_ROLES.join(', ')}`,
      );
    }
    for (const name of step.checklists) {
      if (declared.includes(name)) continue;
      refuse(
        at,
        `the playbook declares no checklist \`${name}\`${didYouMean(name, declared)}`,
        `\`checklists: [checklists/${name}.yaml]\` at the top`,
      );
    }
    if (closing === null || opening === null) continue;
    const isEarly = order.isBefore(step.id, closing.step.id);
    const isLate = order.isBefore(opening.step.id, step.id);
    if (isEarly || isLate) continue;
    if (!order.isBefore(step.id, opening.step.id))
      refuse(at, `\`${step.id}\` is a gate neither before nor after the opening \`${opening.step.id}\``);
    if (step.keyAt.timeout === undefined)
      refuse(
        at,
        `\`${step.id}\` is a gate while the site is closed and has no \`timeout\``,
        '`timeout`, and `onTimeout: roll-back` or `hold-closed`',
      );
  }
}
