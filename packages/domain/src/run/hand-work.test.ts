/** The same plan by hand: handed out under the guards, ticked by a named person, and seen where a word is not enough. */
import { describe, expect, it } from 'vitest';
import { decideCommand, type CommandVerdict, type RunCommand } from './command-verdict.ts';
import type { RunEventBody } from './events.ts';
import type { RunPlan } from './plan.ts';
import { runStateName } from './run-state.ts';
import { samplePlan } from './sample-plan.ts';
import { FREE, NOW, SEEN_NEW, SEEN_OLD, Story } from './sample-story.ts';

/** The sample plan with these steps by hand; without names, all of them. */
function byHand(...ids: readonly string[]): RunPlan {
  const plan = samplePlan();
  const manual = (steps: RunPlan['steps']) =>
    steps.map((step) =>
      step.kind === 'uses' && (ids.length === 0 || ids.includes(step.id)) ? { ...step, manual: true } : step,
    );
  const recover = plan.recover === null ? null : { ...plan.recover, steps: manual(plan.recover.steps) };
  return { ...plan, steps: manual(plan.steps), recover };
}

function tell(story: Story, verb: RunCommand['verb'], more: Partial<RunCommand> = {}): CommandVerdict {
  const verdict = decideCommand(story.plan, story.state, {
    verb, step: null, actor: 'ada', reason: 'because', evidence: 'seen', as: null, ...more,
  }); // prettier-ignore
  if (verdict.allowed) for (const event of verdict.events) story.append(event);
  return verdict;
}

/** What a person adds to the tick of a step of the sample plan. */
function witness(story: Story, step: string): Partial<RunCommand> {
  if (step === 'backup') return { backup: { backupId: 'bkp_hand', grade: 'restored', begunAt: story.now, bytes: 1 } };
  if (step === 'probe') return { observed: SEEN_NEW };
  return step === 'probe-old' ? { observed: SEEN_OLD } : {};
} // prettier-ignore

/** Does whatever is handed out, at once and well, until the run ends or `until` waits. */
function workUntil(story: Story, until: string | null = null): void {
  for (let turns = 0; turns < 30; turns += 1) {
    story.play();
    const { asked, ended } = story.state;
    const lane = story.state.steps[story.state.phase];
    const [step] = Object.entries(lane).find(([, record]) => record.state === 'waiting') ?? [];
    if (ended !== null || asked !== null || step === undefined || step === until) return;
    story.seenOpen = step === 'open' || step === 'reopen' || story.state.phase === 'undo';
    expect(tell(story, 'done-by-hand', { step, ...witness(story, step) })).toMatchObject({ allowed: true });
  }
}

describe('a playbook that is done wholly by hand', () => {
  it('ends like the automatic one, each step by a named person with evidence', () => {
    const story = new Story({}, byHand());
    workUntil(story);
    expect(story.state.ended).toMatchObject({ state: 'succeeded', siteOpen: true });
    const states = new Set(Object.values(story.state.steps.main).map(({ state }) => state));
    expect([...states]).toEqual(['done-by-hand']);
  });

  it('waits for a person and says for whom; nothing of it is tried again by itself', () => {
    const story = new Story({}, byHand('stage'));
    expect(story.play()).toBe('a person does "stage" by hand');
    expect(runStateName(story.state)).toBe('waiting');
    story.now += 365 * 24 * 3_600_000;
    expect(story.play()).toBe('a person does "stage" by hand');
  });

  it('is taken back by hand, in reverse order, and opened only after the old version was seen (rules 16, 10)', () => {
    const story = new Story({}, byHand());
    workUntil(story, 'migrate');
    expect(story.state.pointCrossed).toBe(true);
    const early = new Story({}, byHand());
    workUntil(early, 'stop');
    tell(early, 'cancel');
    workUntil(early);
    expect(early.told.slice(-5)).toEqual(['undo-began', 'undo:stop by hand', 'observe-site', 'undo:close by hand', 'undo:stage by hand']); // prettier-ignore
    expect(early.state.ended?.state).toBe('cancelled');
  });

  it('after the point of no return the recovery is by hand as well', () => {
    const story = new Story({}, byHand());
    workUntil(story, 'probe');
    expect(tell(story, 'resolve', { as: 'not-applied', reason: 'writes are refused' })).toMatchObject({ allowed: true }); // prettier-ignore
    workUntil(story);
    expect(story.told).toContain('recovery-began');
    expect(story.state.ended).toMatchObject({ state: 'recovered', siteOpen: true });
  });
});

describe('rule 14: a manual marked step crosses the point of no return when it is handed out', () => {
  it('from then on there is no cancel, only a roll-back', () => {
    const story = new Story({}, byHand('migrate'));
    story.play();
    expect(story.state.steps.main['migrate']).toMatchObject({ state: 'waiting', attempt: 1 });
    expect(story.state.pointCrossed).toBe(true);
    expect(tell(story, 'cancel')).toMatchObject({ allowed: false });
    expect(tell(story, 'skip', { step: 'migrate' })).toMatchObject({ allowed: false });
  });

  it('a person who says that nothing was done leaves the undo allowed', () => {
    const story = new Story({}, byHand('migrate'));
    story.play();
    tell(story, 'resolve', { as: 'not-applied', reason: 'the database refused me' });
    story.play();
    expect(story.state.ended?.state).toBe('rolled-back');
  });

  it('rule 22: it is not handed out without a proven backup', () => {
    const weak = { backupId: 'bkp_1', grade: 'readable', begunAt: NOW, bytes: 1 } as const;
    const story = new Story({ backup: { backup: weak } }, byHand('migrate'));
    story.play();
    expect(story.told).not.toContain('migrate by hand');
    expect(story.state.ended?.state).toBe('rolled-back');
  });

  it('rules 14 and 20: the automatic marked step done by hand crosses it too, and never without a backup', () => {
    const plan = samplePlan();
    const steps = plan.steps.map((step) =>
      step.id === 'migrate' && step.kind === 'uses' ? { ...step, retry: { times: 1, pauseMs: 3_600_000 } } : step,
    ); // prettier-ignore
    const story = new Story(
      { migrate: { outcome: 'failed', notApplied: true, reason: 'lock' } },
      { ...plan, steps },
    );
    story.play();
    expect(story.state.pointCrossed).toBe(false);
    expect(tell(story, 'done-by-hand', { step: 'migrate' })).toMatchObject({ allowed: true });
    expect(story.state.pointCrossed).toBe(true);

    const bare = new Story({ backup: { backup: null } });
    bare.append({ kind: 'run-started' });
    for (const step of ['stage', 'close', 'backup', 'stop']) bare.perform('main', step, 1);
    expect(tell(bare, 'done-by-hand', { step: 'migrate' })).toMatchObject({
      allowed: false,
      reasons: ['it is the point of no return, and this run has taken no backup'],
    });
  });
});

describe('rule 20: closing and opening by hand count when the proxy was seen to agree', () => {
  it.each([
    ['it is still open', true, 'the site is still open'],
    ['nobody can tell', null, 'nobody can see whether the site is open'],
  ] as const)('a closing that was claimed while %s still waits', (_name, seen, why) => {
    const story = new Story({}, byHand('close'));
    story.play();
    story.seenOpen = seen;
    tell(story, 'done-by-hand', { step: 'close' });
    story.play();
    expect(story.state.steps.main['close']).toMatchObject({
      state: 'waiting',
      reason: `ada says that it is done, but ${why}`,
    });
    story.seenOpen = false;
    tell(story, 'done-by-hand', { step: 'close' });
    story.play();
    expect(story.state.steps.main['close']?.state).toBe('done-by-hand');
  });

  it('rule 10: an opening is not handed out before the new version was seen to write', () => {
    const story = new Story({ probe: { observed: { ...SEEN_NEW, writeOk: false } } }, byHand('open'));
    story.play();
    expect(story.state.asked?.code).toBe('opening-refused');
    expect(story.told).not.toContain('open by hand');
    expect(tell(story, 'done-by-hand', { step: 'open' })).toMatchObject({ allowed: false });
  });

  it('rule 10: nor is the tick taken when the site was changed after it was handed out', () => {
    const story = new Story({}, byHand('open'));
    story.play();
    story.append({ kind: 'site-observed', lane: 'main', observed: SEEN_OLD });
    expect(tell(story, 'done-by-hand', { step: 'open' })).toMatchObject({
      allowed: false,
      reasons: ['the site may not open: the site shows version 1.0, not 2.0'],
    });
  });

  it('rule 6: a closing by hand is handed out in its window only', () => {
    const story = new Story({}, byHand('close'));
    story.facts = { ...FREE, freeze: { reason: 'quarter end', untilAt: null } };
    story.play();
    expect(story.told.slice(-2)).toEqual(['stage', 'held']);
  });
});

describe('a tick is refused', () => {
  it.each<[string, string, Partial<RunCommand>, string]>([
    ['without evidence', 'stage', { evidence: null }, 'done by hand needs evidence: what was seen'],
    ['before the step was handed out', 'stop', {}, 'step stop has not been handed out yet'],
    ['for a probe without what was seen', 'probe', {}, 'say what you saw: the version, and whether a write went through'],
    ['for a backup that nobody vouches for', 'backup', {}, 'say which backup it is: when it was begun, and that it is restored'],
    ['for a backup of too low a grade', 'backup', { backup: { backupId: 'bkp_1', grade: 'written', begunAt: 0, bytes: 1 } }, 'say which backup it is: when it was begun, and that it is restored'],
    ['as resolved instead of with evidence', 'stage', { verb: 'resolve', as: 'applied' }, 'a manual step that was done is recorded with its evidence (done-by-hand)'],
    ['as a retry', 'stage', { verb: 'retry' }, 'step stage waits; there is nothing to try again'],
  ])('%s', (_name, step, more, reason) => {
    const story = new Story({}, byHand());
    workUntil(story, step === 'stop' ? 'stage' : step);
    expect(tell(story, more.verb ?? 'done-by-hand', { step, ...more })).toEqual({ allowed: false, reasons: [reason] });
  }); // prettier-ignore

  it('once the run is on its way back, for a step of the way forward', () => {
    const story = new Story({}, byHand('stage', 'stop'));
    story.play();
    const late: RunEventBody = { kind: 'undo-began', reason: 'no', ending: 'cancelled' };
    story.append(late);
    expect(story.state.steps.main['stage']?.state).toBe('cancelled');
    expect(tell(story, 'done-by-hand', { step: 'migrate' })).toMatchObject({ allowed: false });
  });
});
