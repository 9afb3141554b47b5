/** Waits and their clocks: what ends them may come early, late or while nobody looks; a time-out never passes a step. */
import { describe, expect, it } from 'vitest';
import { decideCommand, type RunCommand } from './command-verdict.ts';
import type { OnTimeout, RunPlan, WaitStep } from './plan.ts';
import { runStateName } from './run-state.ts';
import { samplePlan } from './sample-plan.ts';
import { FREE, NOW, Story } from './sample-story.ts';
import { decideSignal } from './signal-verdict.ts';

const HOUR_MS = 3_600_000;

function waitStep(until: WaitStep['until'], change: Partial<WaitStep> = {}): WaitStep {
  return {
    kind: 'wait', id: 'nod', title: 'The nod', owner: null, needs: [], timeoutMs: HOUR_MS, expectMs: 0, onTimeout: 'fail',
    until, ...change,
  }; // prettier-ignore
}

const NOD: WaitStep['until'] = { kind: 'signal', name: 'tested' };

/** The sample plan with a wait before everything else, or after the step named. */
function planWith(wait: WaitStep, after: string | null = null): RunPlan {
  const plan = samplePlan();
  const at = plan.steps.findIndex((step) => step.id === after) + 1;
  const waits = { ...wait, needs: after === null ? [] : [after] };
  const rest = plan.steps.slice(at).map((step, index) => (index === 0 ? { ...step, needs: ['nod'] } : step));
  return { ...plan, steps: [...plan.steps.slice(0, at), waits, ...rest] };
}

function signal(story: Story, name = 'tested'): string | readonly string[] {
  const verdict = decideSignal(story.plan, story.state, name, 'ci');
  if (!verdict.allowed) return verdict.reasons;
  for (const event of verdict.events) story.append(event);
  return verdict.does;
}

function tell(story: Story, verb: RunCommand['verb'], step: string | null = null): void {
  const command = { verb, step, actor: 'ops', reason: 'because', evidence: null, as: null } as const;
  const verdict = decideCommand(story.plan, story.state, command);
  if (!verdict.allowed) throw new Error(verdict.reasons.join('; '));
  for (const event of verdict.events) story.append(event);
}

describe('a wait for a signal', () => {
  it('costs a row and ends when the signal comes', () => {
    const story = new Story({}, planWith(waitStep(NOD)));
    expect(story.play()).toBe('waiting for the signal tested');
    expect(story.state.steps.main['nod']).toMatchObject({
      state: 'waiting',
      deadline: NOW + 1_000 + HOUR_MS,
    });
    expect(runStateName(story.state)).toBe('waiting');
    const { lastSeq } = story.state;
    story.play();
    expect(story.state.lastSeq).toBe(lastSeq);
    signal(story);
    story.play();
    expect(story.state.ended?.state).toBe('succeeded');
  });

  it('a signal that came before anybody waited ends it at once', () => {
    const story = new Story({}, planWith(waitStep(NOD), 'stage'));
    story.append({ kind: 'run-started' });
    signal(story);
    story.play();
    expect(story.state.ended?.state).toBe('succeeded');
  });

  it('counts once: a repeat changes nothing, an unknown name is a slip, and a run that has ended takes none', () => {
    const story = new Story({}, planWith(waitStep(NOD)));
    story.play();
    expect(signal(story, 'testde')).toEqual(['no step of this run waits for it; it knows tested']);
    expect(signal(story)).toBe('lets the step go on that waits for tested');
    const { lastSeq } = story.state;
    expect(signal(story)).toBe('changes nothing: it was received before');
    expect(story.state.lastSeq).toBe(lastSeq);
    const other = new Story({}, planWith(waitStep(NOD)));
    other.play();
    tell(other, 'cancel');
    other.play();
    expect(signal(other)).toEqual(['the run has ended: cancelled']);
  });

  it('does not hold up a branch that does not need it', () => {
    const plan = planWith(waitStep(NOD));
    const steps = plan.steps.map((step) =>
      step.id === 'stage' ? { ...step, needs: [] } : step.id === 'close' ? { ...step, needs: ['stage', 'nod'] } : step,
    ); // prettier-ignore
    const story = new Story({}, { ...plan, steps });
    story.play();
    expect(story.state.steps.main).toMatchObject({
      nod: { state: 'waiting' },
      stage: { state: 'succeeded' },
    });
    expect(story.state.steps.main['close']?.state).toBe('pending');
  });
});

describe("a wait for another environment's upgrade", () => {
  const until: WaitStep['until'] = { kind: 'upgrade', instances: [{ id: 'inst_uat', slug: 'north-uat' }] };

  it('looks again within a minute, in case its end woke nobody, and ends when the upgrade ended well', () => {
    const story = new Story({}, planWith(waitStep(until)));
    expect(story.play()).toBe('waiting for the upgrade of north-uat to 2.0');
    const next = story.next();
    expect(next.kind === 'sleep' && (next.until ?? Infinity) - story.now).toBeLessThanOrEqual(60_000);
    story.facts = { ...FREE, upgraded: new Set(['inst_other']) };
    story.play();
    expect(story.state.ended).toBeNull();
    story.facts = { ...FREE, upgraded: new Set(['inst_uat']) };
    story.play();
    expect(story.state.ended?.state).toBe('succeeded');
  });
});

describe('a wait that is not over in time', () => {
  it.each([
    ['fail', 'failed'],
    ['abort', 'aborted'],
    ['roll-back', 'rolled-back'],
  ] as const)('before closing, %s takes back what was done and ends %s', (onTimeout, state) => {
    const story = new Story({}, planWith(waitStep(NOD, { onTimeout }), 'stage'));
    story.play();
    story.now += HOUR_MS;
    story.play();
    expect(story.told.slice(-3)).toEqual(['step-timed-out', 'undo-began', 'undo:stage']);
    expect(story.state.ended).toMatchObject({ state, siteOpen: true });
    expect(story.state.endingReason).toBe('The nod timed out: it has waited for 60 min');
  });

  it('is woken for its time-out and not before', () => {
    const story = new Story({}, planWith(waitStep(NOD)));
    story.play();
    expect(story.next()).toMatchObject({ kind: 'sleep', until: NOW + 1_000 + HOUR_MS });
    story.now = NOW + 1_000 + HOUR_MS - 1;
    expect(story.next().kind).toBe('sleep');
    story.now += 1;
    expect(story.next()).toMatchObject({ kind: 'append', event: { kind: 'step-timed-out' } });
  });

  it('is not late when its signal came in time and only nobody looked', () => {
    const story = new Story({}, planWith(waitStep(NOD)));
    story.play();
    signal(story);
    story.now += 2 * HOUR_MS;
    story.play();
    expect(story.state.ended?.state).toBe('succeeded');
  });

  it('a paused run keeps its clocks; it neither forgets them nor spins on one that is past (semantics 6)', () => {
    const story = new Story({}, planWith(waitStep(NOD, { onTimeout: 'abort' })));
    story.play();
    tell(story, 'pause');
    expect(story.next()).toMatchObject({ kind: 'sleep', until: NOW + 1_000 + HOUR_MS });
    signal(story);
    story.now += 2 * HOUR_MS;
    expect(story.next()).toMatchObject({ kind: 'sleep', until: null });
    const late = new Story({}, planWith(waitStep(NOD, { onTimeout: 'abort' })));
    late.play();
    tell(late, 'pause');
    late.now += HOUR_MS;
    late.play();
    expect(late.state.ended?.state).toBe('aborted');
  });

  it('a question about something else does not hide it', () => {
    const story = new Story({}, planWith(waitStep(NOD, { onTimeout: 'abort' })));
    story.play();
    story.append({ kind: 'asked-person', code: 'other', question: '?', step: null });
    expect(story.next()).toMatchObject({ kind: 'sleep', until: NOW + 1_000 + HOUR_MS });
    story.now += HOUR_MS;
    story.play();
    expect(story.state.ended?.state).toBe('aborted');
  });

  it('after opening a person decides: users are in (semantics 17)', () => {
    const story = new Story({}, planWith(waitStep(NOD), 'open'));
    story.play();
    expect(story.state.steps.main['nod']?.state).toBe('waiting');
    story.now += HOUR_MS;
    story.play();
    expect(story.state.asked?.code).toBe('timed-out-after-opening');
    expect(story.told).not.toContain('recovery-began');
    tell(story, 'retry', 'nod');
    story.play();
    expect(story.state.steps.main['nod']).toMatchObject({ state: 'waiting', timedOut: null });
    signal(story);
    story.play();
    expect(story.state.ended?.state).toBe('succeeded');
  });

  it('a window that is waited for with a clock is told as a hold and times out all the same', () => {
    const story = new Story({}, planWith(waitStep({ kind: 'window' }, { onTimeout: 'abort' })));
    story.facts = { ...FREE, freeze: { reason: 'quarter end', untilAt: null } };
    story.play();
    expect(story.state.held?.code).toBe('frozen');
    story.now += HOUR_MS;
    story.play();
    expect(story.state.ended?.state).toBe('aborted');
    const open = new Story({}, planWith(waitStep({ kind: 'window' })));
    open.facts = { ...FREE, freeze: { reason: 'quarter end', untilAt: null } };
    open.play();
    open.facts = FREE;
    open.play();
    expect(open.state.ended?.state).toBe('succeeded');
  });

  it('a wait of the first version has no clock and waits on', () => {
    const { onTimeout: _, ...old } = waitStep({ kind: 'window' });
    const story = new Story({}, planWith(old));
    story.facts = { ...FREE, freeze: { reason: 'quarter end', untilAt: null } };
    story.play();
    story.now += 365 * 24 * HOUR_MS;
    story.play();
    expect(story.state.steps.main['nod']?.state).toBe('pending');
    expect(story.state.held?.code).toBe('frozen');
  });
});

describe('a step by hand that nobody does in time', () => {
  function late(step: string, onTimeout: OnTimeout): Story {
    const plan = samplePlan();
    const steps = plan.steps.map((each) =>
      each.id === step && each.kind === 'uses' ? { ...each, manual: true, onTimeout, timeoutMs: HOUR_MS } : each,
    ); // prettier-ignore
    const story = new Story({}, { ...plan, steps });
    story.play();
    story.now += HOUR_MS;
    story.play();
    return story;
  }

  it('while closed, roll-back goes back: by undo, in which what was by hand is by hand again, or by the recovery (17)', () => {
    const undone = late('stop', 'roll-back');
    expect(undone.told.slice(-2)).toEqual(['undo-began', 'undo:stop by hand']);
    undone.append({ kind: 'step-done-by-hand', lane: 'undo', step: 'stop', by: 'ada', evidence: 'it runs' });
    undone.play();
    expect(undone.state.ended?.state).toBe('rolled-back');
    expect(late('start', 'roll-back').state.ended?.state).toBe('recovered');
  });

  it('while closed, hold-closed keeps the page up and asks a person', () => {
    const story = late('start', 'hold-closed');
    expect(story.state.asked).toMatchObject({ code: 'held-closed', step: 'start' });
    expect(story.state.closedAt).not.toBeNull();
    tell(story, 'roll-back');
    story.play();
    expect(story.state.ended?.state).toBe('recovered');
  });
});
