/** A playbook as a plain listing, for `sitelift playbook show`: what happens, in which order, and what each step promises. */
import type { ActionCatalogue } from './action-catalogue.ts';
import { formatDuration } from './duration.ts';
import type { ActionCall, Playbook, PlaybookStep, PlaybookWaitStep } from './playbook.ts';

export function explainPlaybook(playbook: Playbook, catalogue: ActionCatalogue): string {
  const lines = [`${playbook.name}: ${playbook.title}`];
  if (playbook.roles !== null) lines.push(`for instances in the role ${playbook.roles.join(', ')}`);
  lines.push('');
  const width = String(playbook.steps.length).length;
  let before: string | null = null;
  for (const [index, step] of playbook.steps.entries()) {
    const number = String(index + 1).padStart(width);
    lines.push(`${number}. ${step.title} [${step.id}]`);
    for (const detail of details(step, before, catalogue)) lines.push(`${' '.repeat(width + 2)}${detail}`);
    before = step.id;
  }
  lines.push('');
  lines.push(
    playbook.recover === null
      ? 'no recovery: nothing here crosses a point of no return'
      : `after the point of no return, back means: ${playbook.recover}`,
  );
  return `${lines.join('\n')}\n`;
}

function details(step: PlaybookStep, before: string | null, catalogue: ActionCatalogue): string[] {
  const found = [what(step)];
  if (step.kind === 'uses') {
    const flags = catalogue.get(step.action);
    const marks = [
      flags?.closesSite === true ? 'closes the site' : null,
      flags?.opensSite === true ? 'opens the site, through the guard' : null,
      flags?.switchesTraffic === true ? 'switches traffic' : null,
      flags?.disruptive === true || step.disruptive ? 'disruptive' : null,
      step.pointOfNoReturn ? 'POINT OF NO RETURN' : null,
    ].filter((mark) => mark !== null);
    if (marks.length > 0) found.push(marks.join(', '));
    if (step.manual) found.push(`by hand: ${step.owner ?? 'a person'} does it and ticks it with evidence`);
    if (step.undo !== null) found.push(`undo: ${call(step.undo)}`);
    if (step.require !== null) found.push(`ends only when the backup is proven to be ${step.require}`);
    if (step.retry.times > 0)
      found.push(`tried again ${times(step.retry.times)}, ${formatDuration(step.retry.pauseMs)} apart`);
  }
  const inOrder =
    before === null ? step.needs.length === 0 : step.needs.length === 1 && step.needs[0] === before;
  if (!inOrder) found.push(step.needs.length === 0 ? 'needs nothing' : `needs ${step.needs.join(', ')}`);
  if (step.onTimeout !== null)
    found.push(`not over after ${formatDuration(step.timeoutMs)}: ${step.onTimeout}`);
  found.push(`expected ${formatDuration(step.expectMs)}, at most ${formatDuration(step.timeoutMs)}`);
  return found;
}

function times(count: number): string {
  return count === 1 ? 'once' : `up to ${count} times`;
}

function what(step: PlaybookStep): string {
  switch (step.kind) {
    case 'uses':
      return call(step);
    case 'wait':
      return waitsFor(step.until);
    case 'gate': {
      const who = step.by.length === 0 ? 'somebody' : step.by.join(', ');
      const lists = step.checklists.length === 0 ? '' : `, by the checklists ${step.checklists.join(', ')}`;
      return `${step.gate} gate: waits for the word of ${step.quorum === 1 ? who : `${step.quorum} of ${who}`}${lists}`;
    }
    case 'notify':
      return `tells ${step.to.join(', ')}: ${step.template}`;
    default:
      return step satisfies never;
  }
}

function waitsFor(until: PlaybookWaitStep['until']): string {
  switch (until.kind) {
    case 'window':
      return 'waits for the maintenance window';
    case 'instant':
      return `waits until ${new Date(until.at).toISOString()}`;
    case 'signal':
      return `waits for the signal ${until.name}`;
    case 'upgrade':
      return `waits until the upgrade of the customer's ${until.roles.join(', else ')} has ended well`;
    default:
      return until satisfies never;
  }
}

function call({ action, input }: ActionCall): string {
  const inputs = Object.entries(input).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return [action, ...inputs].join(' ');
}
