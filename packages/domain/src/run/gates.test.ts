/** Gates: nothing but a decision passes one, the first decision counts, and no clock and no shortcut opens a site past it. */
import { describe, expect, it } from 'vitest';
import { decideCommand } from './command-verdict.ts';
import type { RunEventBody } from './events.ts';
import { decideItem, decideVote, type ItemCheck, type Vote } from './gate-verdict.ts';
import { openingVerdict } from './opening-verdict.ts';
import type { GateStep, RunPlan } from './plan.ts';
import type { CommandVerdict } from './run-command.ts';
import { runStateName } from './run-state.ts';
import { samplePlan } from './sample-plan.ts';
import { FREE, NOW, SEEN_NEW, Story } from './sample-story.ts';

const HOUR_MS = 3_600_000;
const LIST = {
  name: 'go-live',
  title: 'Go live',
  items: [
    { id: 'login', text: 'People can sign in' },
    { id: 'order', text: 'An order can be placed' },
  ],
};

function gate(change: Partial<GateStep> = {}): GateStep {
  return {
    kind: 'gate', id: 'word', title: 'The word', owner: null, needs: [], timeoutMs: HOUR_MS, expectMs: HOUR_MS,
    onTimeout: 'abort', gate: 'sign-off', by: ['primary'], checklists: [], quorum: 1, ...change,
  }; // prettier-ignore
}

/** The sample plan with a gate before everything else, or after the step named. */
function planWith(step: GateStep, after: string | null = null): RunPlan {
  const plan = samplePlan();
  const at = plan.steps.findIndex((each) => each.id === after) + 1;
  const rest = plan.steps.slice(at).map((each, index) => (index === 0 ? { ...each, needs: [step.id] } : each));
  return { ...plan, steps: [...plan.steps.slice(0, at), { ...step, needs: after === null ? [] : [after] }, ...rest] };
} // prettier-ignore

/** Testers reach the new code behind the page: the gate of the example, between probe and switch. */
function certification(change: Partial<GateStep> = {}): Story {
  const step = gate({ gate: 'certification', checklists: [LIST], onTimeout: 'roll-back', ...change });
  const story = new Story({}, planWith(step, 'probe'));
  story.play();
  return story;
}

function append(story: Story, verdict: CommandVerdict): string | readonly string[] {
  if (!verdict.allowed) return verdict.reasons;
  for (const event of verdict.events) story.append(event);
  return verdict.does;
}

function vote(story: Story, by: string, decision: Vote['decision'] = 'pass', requestedBy = 'planner') {
  const word = { step: 'word', by, decision, reason: 'as seen', evidence: null };
  return append(story, decideVote(story.plan, story.state, word, requestedBy));
}

function check(story: Story, item: string, result: ItemCheck['result'] = 'passed', note = '') {
  const word = { step: 'word', by: 'tess', checklist: 'go-live', item, result, note };
  return append(story, decideItem(story.plan, story.state, word));
}

function tell(story: Story, verb: 'retry' | 'skip' | 'done-by-hand' | 'cancel' | 'roll-back' | 'pause') {
  const step = verb === 'cancel' || verb === 'roll-back' || verb === 'pause' ? null : 'word';
  const command = { verb, step, actor: 'ops', reason: 'because', evidence: 'x', as: null } as const;
  return append(story, decideCommand(story.plan, story.state, command));
}

describe('a gate', () => {
  it('opens, waits as a row, and a vote passes it', () => {
    const story = new Story({}, planWith(gate()));
    expect(story.play()).toBe('"The word" waits for primary');
    expect(runStateName(story.state)).toBe('waiting');
    expect(story.state.steps.main['word']?.gate?.state).toBe('open');
    expect(vote(story, 'ada')).toBe('passes "The word"');
    story.play();
    expect(story.state.ended?.state).toBe('succeeded');
    expect(story.state.steps.main['word']?.gate).toMatchObject({ state: 'decided', decided: { as: 'passed', by: 'ada' } });
  }); // prettier-ignore

  it('is decided once: whoever comes later is told whose word counted and when', () => {
    const story = new Story({}, planWith(gate()));
    story.play();
    const at = new Date(story.now).toISOString();
    vote(story, 'ada');
    const late = { step: 'word', by: 'bob', decision: 'deny', reason: 'no', evidence: null } as const;
    expect(decideVote(story.plan, story.state, late, 'planner')).toEqual({
      allowed: false,
      code: 'gate-decided',
      reasons: [`ada has passed it at ${at}`],
    });
  });

  it('takes no word before it opens, nor after the run has ended', () => {
    const story = new Story({}, planWith(gate(), 'stage'));
    expect(vote(story, 'ada')).toEqual(['gate word has not opened yet']);
    story.play();
    tell(story, 'cancel');
    story.play();
    expect(story.state.steps.main['word']).toMatchObject({ state: 'cancelled', gate: { state: 'closed' } });
    expect(vote(story, 'ada')).toEqual(['the run has ended: cancelled']);
  });

  it('asks as many different people as its quorum says; a token is its owner', () => {
    const story = new Story({}, planWith(gate({ quorum: 2 })));
    story.play();
    expect(vote(story, 'ada')).toBe('is vote 1 of 2 for "The word"');
    expect(vote(story, 'ada via token ci')).toEqual(['you have passed it already; others must']);
    expect(vote(story, 'bob')).toBe('passes "The word"');
  });

  it('approval: whoever asked for the upgrade does not approve it', () => {
    const story = new Story({}, planWith(gate({ gate: 'approval' })));
    story.play();
    expect(vote(story, 'ada', 'pass', 'ada')).toEqual(['whoever asked for the upgrade cannot approve it']);
    expect(vote(story, 'ada via token ci', 'pass', 'ada')).toEqual(['whoever asked for the upgrade cannot approve it']);
    expect(vote(story, 'bob', 'pass', 'ada via token ci')).toBe('passes "The word"');
  }); // prettier-ignore

  it('does not pass with an item open, whatever kind it is', () => {
    const story = new Story({}, planWith(gate({ checklists: [LIST] })));
    story.play();
    check(story, 'login');
    check(story, 'order', 'failed', 'the basket is empty');
    expect(vote(story, 'ada')).toEqual(['go-live/order is not passed']);
    check(story, 'order');
    expect(vote(story, 'ada')).toBe('passes "The word"');
  });

  it('follow-ups are empty when nothing was left open', () => {
    const story = new Story({}, planWith(gate({ gate: 'follow-ups' }), 'open'));
    story.play();
    expect(story.state.ended?.state).toBe('succeeded');
    expect(story.state.steps.main['word']?.gate?.decided?.by).toBe('sitelift');
  });

  it('follow-ups wait for a word when an overridden gate left items open', () => {
    const before = gate({ checklists: [LIST] });
    const plan = planWith(
      gate({ id: 'after', title: 'After', gate: 'follow-ups', onTimeout: 'fail' }),
      'open',
    );
    const [first, ...rest] = plan.steps;
    if (first === undefined) throw new Error('sample plan');
    const story = new Story({}, { ...plan, steps: [before, { ...first, needs: ['word'] }, ...rest] });
    story.play();
    story.append({ kind: 'gate-overridden', step: 'word', by: 'the primary contact', reason: 'by phone' });
    story.play();
    expect(story.state.ended).toBeNull();
    expect(story.state.steps.main['after']).toMatchObject({ state: 'waiting', gate: { state: 'open' } });
  });
});

describe('certification', () => {
  it('passes when every item is passed', () => {
    const story = certification();
    expect(check(story, 'login')).toBe('records go-live/login as passed');
    expect(story.state.ended).toBeNull();
    expect(check(story, 'order')).toBe('records the last item and passes "The word"');
    story.play();
    expect(story.state.ended?.state).toBe('succeeded');
  });

  it.each(['failed', 'not-possible'] as const)(
    'does not pass while one is %s; that needs a note',
    (result) => {
      const story = certification();
      expect(check(story, 'order', result)).toEqual(['say in a note what was seen']);
      check(story, 'order', result, 'no basket');
      check(story, 'login');
      story.play();
      expect(story.state.steps.main['word']?.state).toBe('waiting');
      expect(check(story, 'order')).toBe('records the last item and passes "The word"');
    },
  );

  it('knows its items', () => {
    expect(check(certification(), 'logout')).toEqual(['gate word asks for no item go-live/logout']);
  });
});

describe('rule 12: nothing but a decision passes a gate', () => {
  it.each(['skip', 'done-by-hand'] as const)('%s is refused', (verb) => {
    expect(tell(certification(), verb)).toEqual([
      'a gate cannot be skipped or done by hand (semantics 12): it is decided',
    ]);
  });

  it('a denial is not waived: the gate is opened anew with what was checked, or the run ends', () => {
    const story = certification();
    check(story, 'login');
    vote(story, 'ada', 'deny');
    story.play();
    expect(story.state.steps.main['word']).toMatchObject({
      state: 'waiting',
      reason: 'denied by ada: as seen',
    });
    expect(check(story, 'order')).toHaveLength(1);
    expect(tell(story, 'retry')).toBe('opens "The word" anew');
    story.play();
    expect(check(story, 'order')).toBe('records the last item and passes "The word"');
    story.play();
    expect(story.state.ended?.state).toBe('succeeded');
  });

  it.each([
    ['nobody decided', () => {}],
    ['it was denied', (story: Story) => vote(story, 'ada', 'deny')],
    ['the run was paused', (story: Story) => tell(story, 'pause')],
  ] as const)('its time-out while closed goes back when %s, and opens nothing', (_name, first) => {
    const story = certification();
    first(story);
    story.now += HOUR_MS;
    story.play();
    expect(story.told).toContain('step-timed-out');
    expect(story.told).not.toContain('open');
    expect(story.state.ended?.state).toBe('recovered');
  });

  it('before the point of no return the old version is looked at itself before the site opens again (rule 10)', () => {
    const story = new Story({}, planWith(gate({ gate: 'permission', onTimeout: 'roll-back' }), 'backup'));
    story.play();
    // What was seen last is the new code beside the old.
    story.append({ kind: 'site-observed', lane: 'main', observed: SEEN_NEW });
    story.now += HOUR_MS;
    story.play();
    expect(story.told.slice(-4)).toEqual(['undo-began', 'observe-site', 'undo:close', 'undo:stage']);
    expect(story.state.ended).toMatchObject({ state: 'rolled-back', siteOpen: true });
  });

  it('hold-closed keeps the page up and asks; opened anew it may still pass', () => {
    const story = certification({ onTimeout: 'hold-closed' });
    story.now += HOUR_MS;
    story.play();
    expect(story.state.asked?.code).toBe('held-closed');
    expect(story.state.steps.main['word']?.gate?.state).toBe('timed-out');
    tell(story, 'retry');
    story.play();
    check(story, 'login');
    check(story, 'order');
    story.play();
    expect(story.state.ended?.state).toBe('succeeded');
  });

  it('rule 6: while closed its clock ends at the bail-out minute at the latest', () => {
    const window = { windowId: 'win_1' as const, opensAt: NOW - 1, closesAt: NOW + HOUR_MS, cutOffAt: NOW + HOUR_MS / 2 };
    const step = gate({ gate: 'certification', checklists: [LIST], onTimeout: 'roll-back', expectMs: 1_000 });
    const story = new Story({}, planWith(step, 'probe'));
    story.facts = { ...FREE, window };
    story.play();
    // Four steps of the recovery at a second each.
    expect(story.state.steps.main['word']?.deadline).toBe(window.closesAt - 4_000);
  }); // prettier-ignore
});

describe('rule 10(a): all gates before an opening are passed or validly overridden', () => {
  const mistakes: readonly RunEventBody[] = [
    { kind: 'step-skipped', lane: 'main', step: 'word', by: 'a defect', reason: 'x' },
    { kind: 'step-done-by-hand', lane: 'main', step: 'word', by: 'a defect', evidence: 'x' },
  ];
  it.each(mistakes)('$kind of a gate, by whatever mistake, opens nothing', (event) => {
    const story = certification();
    story.append(event);
    story.perform('main', 'switch', 1);
    expect(openingVerdict(story.plan, story.state, 'main', 'open')).toEqual({
      allowed: false,
      reasons: ['gate word is not passed'],
    });
  });

  it('an overridden gate counts', () => {
    const story = certification();
    story.append({ kind: 'gate-overridden', step: 'word', by: 'the primary contact', reason: 'by phone' });
    story.play();
    expect(story.state.ended?.state).toBe('succeeded');
  });
});
