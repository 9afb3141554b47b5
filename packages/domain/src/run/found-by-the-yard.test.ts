/** What the simulation found, told again by the pure core: one story per defect, each red before its fix. */
import { describe, expect, it } from 'vitest';
import { decideCommand } from './command-verdict.ts';
import { sampleAction, samplePlan, sampleStep } from './sample-plan.ts';
import { FREE, Story } from './sample-story.ts';

describe('going back after the site was opened', () => {
  it('puts the page up before anything is restored, whatever the calendar says', () => {
    const plan = samplePlan();
    const after = sampleStep('after', sampleAction('check/http', { mutates: false }), 'open');
    const failed = { outcome: 'failed', reason: 'a page answers 500' } as const;
    const story = new Story({ after: failed }, { ...plan, steps: [...plan.steps, after] });
    expect(story.play()).toMatch(/Users were let in/);
    expect(story.state.closedAt).toBeNull();
    story.append({ kind: 'roll-back-requested', by: 'ops', reason: 'it looks wrong' });
    story.facts = { ...FREE, freeze: { reason: 'year end', untilAt: null } };
    story.play();
    const told = story.told.slice(story.told.indexOf('asked-person') + 1);
    expect(told.slice(0, 3)).toEqual(['close', 'recovery-began', 'recover:restore']);
    expect(story.state.ended).toMatchObject({ state: 'recovered', siteOpen: true });
  });
});

describe('an opening that says it failed', () => {
  const said = (notApplied: boolean) => {
    const story = new Story({ open: { outcome: 'failed', reason: 'HAProxy answers 500', notApplied } });
    story.play();
    return story;
  };
  it('may have opened the site, so nothing goes back by itself', () => {
    expect(said(false).state.asked?.code).toBe('failed-after-opening');
  });
  it('and a person who goes back gets the page up first', () => {
    const story = said(false);
    story.append({ kind: 'roll-back-requested', by: 'ops', reason: 'it looks wrong' });
    story.play();
    const told = story.told.slice(story.told.indexOf('asked-person') + 1);
    expect(told.slice(0, 2)).toEqual(['close', 'recovery-began']);
  });
  it('unless somebody has seen that it did nothing', () => {
    expect(said(true).state.ended).toMatchObject({ state: 'recovered', siteOpen: true });
  });
});

describe('a notice whose worker was lost', () => {
  it('is sent by the next one; one that could not be sent holds nobody up', () => {
    const plan = samplePlan();
    const notice = {
      kind: 'notify', id: 'say', title: 'say', owner: null, needs: [], timeoutMs: 60_000, expectMs: 0, to: ['a@b.test'],
      template: 'upgrade-starting',
    } as const; // prettier-ignore
    const steps = [notice, ...plan.steps];
    const lost = new Story(
      { 'say#1': { outcome: 'failed', reason: 'the worker was lost', notApplied: true } },
      { ...plan, steps },
    );
    lost.play();
    expect(lost.told.filter((told) => told === 'say')).toHaveLength(2);
    const refused = new Story(
      { 'say#1': { outcome: 'failed', reason: 'no such mailbox' } },
      { ...plan, steps },
    );
    refused.play();
    expect(refused.told.filter((told) => told === 'say')).toHaveLength(1);
    expect(refused.state.ended?.state).toBe('succeeded');
  });
});

describe('what a recovery by itself may lose', () => {
  it('is measured until closing had ended, not until it began: users wrote all that time', () => {
    const plan = samplePlan();
    const [stage, close, backup, ...rest] = plan.steps;
    if (stage === undefined || close === undefined || backup === undefined) throw new Error('no steps');
    const early = [stage, { ...backup, needs: ['stage'] }, { ...close, needs: ['backup'] }, ...rest.map((step) =>
      step.id === 'stop' ? { ...step, needs: ['close'] } : step)]; // prettier-ignore
    const story = new Story({ probe: { outcome: 'failed', reason: '403' } }, {
      ...plan, steps: early, backup: { ...plan.backup, acceptedLossMs: 60_000 },
    }); // prettier-ignore
    const append = story.append.bind(story);
    story.append = (body) => {
      // The proxy takes its time.
      if (body.kind === 'step-ended' && body.step === 'close') story.now += 60_000;
      append(body);
    };
    story.play();
    expect(story.state.asked?.code).toBe('would-lose-data');
  });
});

describe('a person who skips', () => {
  const asked = (step: string) =>
    ({ verb: 'skip', step, actor: 'ops', reason: 'never mind', evidence: null, as: null }) as const;

  it('cannot skip the switch of traffic: the site would open on stopped code', () => {
    const story = new Story({ switch: { outcome: 'failed', reason: 'no such slot' } });
    while (story.state.steps.main['switch']?.state !== 'failed') {
      const next = story.next();
      if (next.kind === 'perform') story.perform(next.lane, next.step, next.attempt);
      else if (next.kind === 'append') story.append(next.event);
      else throw new Error(next.kind);
    }
    expect(decideCommand(story.plan, story.state, asked('switch'))).toMatchObject({ allowed: false });
  });

  it('is heard on the way back too: what is not to be taken back is left', () => {
    const story = new Story({
      close: { outcome: 'failed', reason: 'x', notApplied: true },
      'undo:stage': { outcome: 'failed', reason: 'the disk is full' },
    });
    story.play();
    expect(story.state.asked?.code).toBe('undo-failed');
    const verdict = decideCommand(story.plan, story.state, asked('stage'));
    if (!verdict.allowed) throw new Error(verdict.reasons.join());
    for (const event of verdict.events) story.append(event);
    story.play();
    expect(story.state.ended?.state).toBe('rolled-back');
  });
});
