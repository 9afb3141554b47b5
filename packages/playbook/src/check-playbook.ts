/**
 * What the steps of a playbook mean together: the rules of the semantics that a file can break, by their numbers. All
 * faults at once. A playbook that passes can be planned for any instance that binds its actions.
 *
 * Two shapes are known. An upgrade closes, changes and opens. A recovery begins on a closed site, restores and opens; it
 * is recognised by opening without ever closing, and it is what `recover` names.
 */
import { NOTICE_TEMPLATES } from '@sitelift/domain/run/notice-texts.ts';
import { mutatesSite, type ActionFlags } from '@sitelift/domain/run/plan.ts';
import { CONTACT_ROLES } from './fleet-file.ts';
import { didYouMean } from './nearest-word.ts';
import type { ActionCatalogue } from './action-catalogue.ts';
import { EMAIL_PATTERN } from './value-schemas.ts';
import type { Playbook, PlaybookError, PlaybookStep, PlaybookUsesStep } from './playbook.ts';
import { sortSourceErrors, type Position } from './source-error.ts';
import type { Checked, FlaggedStep } from './checked.ts';
import { checkGates, checkTimeouts } from './check-waiting.ts';
import { orderSteps } from './step-order.ts';

export interface CheckOptions {
  /** Every playbook that `recover` may name; left out when only one file is at hand. */
  readonly others?: ReadonlyMap<string, Playbook>;
}

/** The action that alone sees version, health and write check, which rule 10 asks for. */
const PROBE_ACTION = 'app/probe';
const DNS_SWITCH = 'dns/switch';
/** The action whose backup the engine can prove to a grade. */
const BACKUP_ACTION = 'database/backup';

export function checkPlaybook(
  playbook: Playbook,
  catalogue: ActionCatalogue,
  options: CheckOptions = {},
): PlaybookError[] {
  const errors: PlaybookError[] = [];
  const refuse = (at: Position, message: string, expected?: string) => {
    errors.push({
      path: playbook.path,
      line: at.line,
      column: at.column,
      message,
      expected: expected ?? null,
    });
  };
  const order = orderSteps(playbook.steps, refuse);
  const uses = flagSteps(playbook, catalogue, refuse);
  const only = (name: string, at: (step: PlaybookStep) => Position, found: readonly FlaggedStep[]) => {
    for (const { step } of found.slice(1))
      refuse(at(step), `\`${step.id}\` is a second ${name}; \`${found[0]?.step.id}\` is one already`);
    return found[0] ?? null;
  };
  const checked: Checked = {
    playbook,
    uses,
    order,
    refuse,
    closing: only(
      'closing step',
      (step) => step.at,
      uses.filter(({ flags }) => flags.closesSite),
    ),
    opening: only(
      'opening step',
      (step) => step.at,
      uses.filter(({ flags }) => flags.opensSite),
    ),
    marked: only(
      'point of no return',
      (step) => step.keyAt.pointOfNoReturn ?? step.at,
      uses.filter(({ step }) => step.pointOfNoReturn),
    ),
  };
  // Order says nothing while ids are double or the steps run in a circle.
  if (errors.length === 0) {
    const recovery = isRecovery(playbook, catalogue);
    if (recovery) checkRecovery(checked);
    else {
      checkClosedStretch(checked);
      checkPointOfNoReturn(checked);
    }
    checkWaits(checked, recovery);
    checkTimeouts(checked, recovery);
    checkGates(checked, recovery);
    checkOpeningGuard(checked, recovery ? 'from' : 'to');
    checkRecoverName(checked, catalogue, options.others);
    checkBackups(checked);
  }
  checkNotices(playbook, refuse);
  return sortSourceErrors(errors);
}

/** Begins on a closed site: opens it, and neither closes it nor crosses a point of no return. */
export function isRecovery(playbook: Playbook, catalogue: ActionCatalogue): boolean {
  const has = (test: (flags: ActionFlags | undefined, step: PlaybookUsesStep) => boolean) =>
    playbook.steps.some((step) => step.kind === 'uses' && test(catalogue.get(step.action), step));
  return (
    has((flags) => flags?.opensSite === true) &&
    !has((flags) => flags?.closesSite === true) &&
    !has((_, step) => step.pointOfNoReturn)
  );
}

function flagSteps(
  playbook: Playbook,
  catalogue: ActionCatalogue,
  refuse: Checked['refuse'],
): readonly FlaggedStep[] {
  const known = [...catalogue.keys()];
  const unknown = (at: Position, action: string) => {
    refuse(at, `unknown action \`${action}\`${didYouMean(action, known)}`, `one of ${known.join(', ')}`);
  };
  return playbook.steps.flatMap((step) => {
    if (step.kind !== 'uses') return [];
    if (step.undo !== null && !catalogue.has(step.undo.action))
      unknown(step.keyAt.undo ?? step.at, step.undo.action);
    const flags = catalogue.get(step.action);
    if (flags === undefined) {
      unknown(step.keyAt.uses ?? step.at, step.action);
      return [];
    }
    return [{ step, flags, disruptive: flags.disruptive || step.disruptive }];
  });
}

/** Rule 9: what users may notice lies between closing and opening, and so does the switch of a plan that closes. */
function checkClosedStretch({ uses, order, closing, opening, refuse }: Checked): void {
  if (closing !== null && opening === null)
    refuse(
      closing.step.at,
      `\`${closing.step.id}\` closes the site and nothing opens it`,
      'a `proxy/open` step',
    );
  if (opening !== null && closing === null)
    refuse(
      opening.step.at,
      `\`${opening.step.id}\` opens a site that nothing closes`,
      'a `proxy/close` step before it',
    );
  if (closing !== null && opening !== null && !order.isBefore(closing.step.id, opening.step.id))
    refuse(
      opening.step.at,
      `\`${opening.step.id}\` does not come after the closing step \`${closing.step.id}\``,
    );
  for (const { step, flags, disruptive } of uses) {
    if (!disruptive && !(flags.switchesTraffic && closing !== null)) continue;
    const why = disruptive ? 'is disruptive' : 'switches traffic';
    if (closing === null || opening === null) {
      if (closing === opening)
        refuse(step.at, `\`${step.id}\` ${why}, but the playbook never closes the site`);
      continue;
    }
    const inside = order.isBefore(closing.step.id, step.id) && order.isBefore(step.id, opening.step.id);
    if (!inside)
      refuse(
        step.at,
        `\`${step.id}\` ${why} and must lie between \`${closing.step.id}\` and \`${opening.step.id}\``,
      );
  }
}

/** Rules 14, 15 and 22: a way back before the mark, a recovery after it, a proven backup before crossing it. */
function checkPointOfNoReturn({ playbook, uses, order, marked, refuse }: Checked): void {
  for (const { step, flags, disruptive } of uses) {
    const before = marked === null || order.isBefore(step.id, marked.step.id);
    if (!before || step.undo !== null || step === marked?.step) continue;
    const why = flags.closesSite
      ? 'closes the site'
      : flags.destructive
        ? 'is destructive'
        : disruptive && marked !== null
          ? 'is disruptive'
          : null;
    if (why === null) continue;
    const place = marked === null ? '' : ' before the point of no return';
    refuse(
      step.at,
      `\`${step.id}\` ${why}${place} and has no \`undo\``,
      '`undo`, or `pointOfNoReturn: true`',
    );
  }
  if (marked === null) return;
  const { step } = marked;
  const at = step.keyAt.pointOfNoReturn ?? step.at;
  if (playbook.recover === null)
    refuse(
      at,
      `\`${step.id}\` is the point of no return and the playbook has no \`recover\``,
      '`recover: <playbook>`',
    );
  for (const other of playbook.steps) {
    if (other.id === step.id || order.isBefore(other.id, step.id) || order.isBefore(step.id, other.id))
      continue;
    refuse(other.at, `\`${other.id}\` comes neither before nor after the point of no return \`${step.id}\``);
  }
  if (!uses.some((other) => other.step.require !== null && order.isBefore(other.step.id, step.id)))
    refuse(
      at,
      `no backup, no point of no return: nothing before \`${step.id}\` has a \`require\``,
      'a `database/backup` step with `require: restored` before it',
    );
}

/** Rule 6: windows count until the site closes; from then on there is only forward or back, and nobody waits behind a page. */
function checkWaits({ playbook, order, closing, opening, refuse }: Checked, recovery: boolean): void {
  const from = closing?.step ?? null;
  if (from === null && !recovery) return;
  for (const step of playbook.steps) {
    if (step.kind !== 'wait') continue;
    if (recovery && (step.until.kind === 'signal' || step.until.kind === 'upgrade')) {
      refuse(
        step.keyAt.wait ?? step.at,
        `\`${step.id}\` waits for somebody else, and a recovery waits for nobody`,
      );
      continue;
    }
    const isEarly = from !== null && order.isBefore(step.id, from.id);
    const isLate = opening !== null && order.isBefore(opening.step.id, step.id);
    if (!isEarly && !isLate)
      refuse(
        step.keyAt.wait ?? step.at,
        `\`${step.id}\` waits while the site is closed`,
        'a wait before the closing step',
      );
  }
}

/** A wrong word here would be noticed by the customer whom nobody told. */
function checkNotices(playbook: Playbook, refuse: Checked['refuse']): void {
  const roles = ['all', ...CONTACT_ROLES];
  for (const step of playbook.steps) {
    if (step.kind !== 'notify') continue;
    const at = step.keyAt.notify ?? step.at;
    if (!NOTICE_TEMPLATES.includes(step.template))
      refuse(
        at,
        `there is no notice template \`${step.template}\`${didYouMean(step.template, NOTICE_TEMPLATES)}`,
        `one of ${NOTICE_TEMPLATES.join(', ')}`,
      );
    for (const to of step.to) {
      if (to.includes('@') ? EMAIL_PATTERN.test(to) : roles.includes(to)) continue;
      refuse(
        at,
        `\`${to}\` is nobody to notify${didYouMean(to, roles)}`,
        `an e-mail address, or one of ${roles.join(', ')}`,
      );
    }
  }
}

/**
 * Rule 10(a) and (c): after the last change to the site, and before it opens, its version and a write are observed.
 * Without an opening step the guard stands at the step that switches traffic; at a DNS switch always (rule 9), because
 * nobody can call back an answer that is cached elsewhere.
 */
function checkOpeningGuard({ uses, order, closing, opening, refuse }: Checked, expect: 'to' | 'from'): void {
  const isGuarded = ({ step, flags }: FlaggedStep) =>
    flags.opensSite ||
    step.action === DNS_SWITCH ||
    (opening === null && closing === null && flags.switchesTraffic);
  const guards = uses.filter(isGuarded);
  for (const { step: guard } of guards) {
    const probes = uses.filter(
      ({ step }) =>
        step.action === PROBE_ACTION && step.input.expect === expect && order.isBefore(step.id, guard.id),
    );
    const changes = uses.filter(
      ({ step, flags }) => mutatesSite(flags) && !order.isBefore(guard.id, step.id),
    );
    const unseen = changes.filter(
      ({ step }) => !probes.some((probe) => order.isBefore(step.id, probe.step.id)),
    );
    if (unseen.length === 0 && probes.length > 0) continue;
    const names = unseen.map(({ step }) => `\`${step.id}\``).join(', ');
    refuse(
      guard.at,
      `\`${guard.id}\` could never open the site: no version is observed after ${names === '' ? 'the last change' : names}`,
      `an \`${PROBE_ACTION}\` step with \`expect: ${expect}\` between them`,
    );
  }
}

/** Rule 10(c) for a playbook that another one names as its `recover`. */
function checkRecovery({ playbook, opening, order, uses, refuse }: Checked): void {
  if (playbook.recover !== null)
    refuse(playbook.recoverAt, 'a recovery has no recovery of its own; when it fails a person decides');
  for (const { step, flags, disruptive } of uses) {
    if (opening === null || !(disruptive || flags.destructive || flags.switchesTraffic)) continue;
    if (!order.isBefore(step.id, opening.step.id))
      refuse(step.at, `\`${step.id}\` must come before the site is opened by \`${opening.step.id}\``);
  }
}

function checkRecoverName(
  { playbook, refuse }: Checked,
  catalogue: ActionCatalogue,
  others: CheckOptions['others'],
): void {
  if (playbook.recover === null || others === undefined) return;
  const named = others.get(playbook.recover);
  if (named === undefined) {
    const hint = didYouMean(playbook.recover, [...others.keys()]);
    refuse(playbook.recoverAt, `there is no playbook \`${playbook.recover}\`${hint}`);
  } else if (!isRecovery(named, catalogue)) {
    refuse(
      playbook.recoverAt,
      `\`${playbook.recover}\` is not a recovery`,
      'a playbook that opens the site and never closes it',
    );
  }
}

function checkBackups({ uses, refuse }: Checked): void {
  for (const { step } of uses) {
    if (step.require !== null && step.action !== BACKUP_ACTION)
      refuse(
        step.keyAt.require ?? step.at,
        `\`require\` asks for a backup, and \`${step.action}\` makes none`,
        BACKUP_ACTION,
      );
  }
}
