/** The bail-out minute: semantics 6, one row per sentence of it. */
import { describe, expect, it } from 'vitest';
import type { WindowOccurrence } from '../fleet/fleet.ts';
import { bailOutAt } from './bail-out.ts';
import { samplePlan } from './sample-plan.ts';
import { FREE, NOW, Story } from './sample-story.ts';

const MINUTE = 60_000;
const ENDS = NOW + 60 * MINUTE;
const WINDOW: WindowOccurrence = {
  windowId: 'win_00000000000000000000000001',
  opensAt: NOW - MINUTE,
  closesAt: ENDS,
  cutOffAt: ENDS - 10 * MINUTE,
};
/** Of the sample's recovery: four steps of one second. */
const WAY_BACK = 4_000;

/** The sample plan in a window of an hour; the step that is named is paused before, in the way that `stop` says. */
function inWindow(outcomes: ConstructorParameters<typeof Story>[0] = {}): Story {
  const story = new Story(outcomes, samplePlan({ anyTime: false }));
  story.facts = { ...FREE, window: WINDOW };
  return story;
}

/** Performs what is decided until this step is next. */
function until(story: Story, step: string): void {
  for (let moves = 0; moves < 50; moves += 1) {
    const next = story.next();
    if (next.kind === 'perform' && next.step === step) return;
    if (next.kind === 'append') story.append(next.event);
    else if (next.kind === 'perform')
      story.perform(next.lane, next.step, next.attempt, { windowEndsAt: ENDS });
    else throw new Error(next.kind);
  }
}

describe('6: the bail-out minute is the end of the window minus p95 of the way back', () => {
  const slow = new Map([['restore', [1, 2, 3, 4, 20].map((n) => n * MINUTE)]]);
  it.each([
    ['no window, no minute', null, new Map(), null],
    ['without history what the playbook expects', ENDS, new Map(), ENDS - WAY_BACK],
    ['with five runs their p95', ENDS, slow, ENDS - 20 * MINUTE - 3_000],
  ])('%s', (_, ends, history, expected) => {
    expect(bailOutAt(samplePlan(), ends, history)).toBe(expected);
  });
  it('without a recovery it is what takes the steps back', () => {
    expect(bailOutAt(samplePlan({ recover: null }), ENDS, new Map())).toBe(ENDS - 3_000);
  });
});

describe('6: at the bail-out minute', () => {
  const minute = ENDS - WAY_BACK;

  it.each([
    ['a run between two steps', 'stop', () => {}],
    ['a paused run', 'stop', (story: Story) => story.append({ kind: 'paused', by: 'ops', reason: 'lunch' })],
    [
      'a run that waits for a person',
      'stop',
      (story: Story) => story.append({ kind: 'asked-person', code: 'x', question: 'Well?', step: null }),
    ],
  ])('before the point, %s takes everything back', (_, step, prepare) => {
    const story = inWindow();
    until(story, step);
    prepare(story);
    story.now = minute - 1;
    expect(story.next().kind).not.toBe('append');
    story.now = minute;
    expect(story.next()).toMatchObject({ event: { kind: 'undo-began', ending: 'rolled-back' } });
    story.play();
    expect(story.state.ended).toMatchObject({ state: 'rolled-back', siteOpen: true });
    expect(story.state.endingReason).toMatch(/bail-out minute/);
  });

  it('a step that gave up by its own clock keeps what its `onTimeout` says', () => {
    const story = inWindow();
    until(story, 'stop');
    const late = {
      kind: 'step-timed-out',
      lane: 'main',
      step: 'stop',
      onTimeout: 'hold-closed',
      reason: 'x',
    } as const;
    story.append(late);
    story.now = minute;
    expect(story.play()).toMatch(/waiting for a person/);
    expect(story.state.asked?.code).toBe('held-closed');
    expect(story.next()).toMatchObject({ kind: 'sleep', until: null });
  });

  it('a sleeping run wakes for it, a pause included', () => {
    const story = inWindow();
    until(story, 'stop');
    story.append({ kind: 'paused', by: 'ops', reason: 'lunch' });
    expect(story.next()).toMatchObject({ kind: 'sleep', until: minute });
  });

  it('what has no known end is looked at first', () => {
    const story = inWindow();
    until(story, 'stop');
    story.append({ kind: 'step-started', lane: 'main', step: 'stop', attempt: 1, worker: 'w1' });
    story.now = minute;
    expect(story.next()).toMatchObject({ kind: 'reconcile', step: 'stop' });
  });

  it('an attempt is told the minute while the site is closed, the closing one included, and none before', () => {
    const story = inWindow();
    expect(story.next()).not.toHaveProperty('bailOutAt');
    until(story, 'stage');
    expect(story.next()).not.toHaveProperty('bailOutAt');
    until(story, 'close');
    expect(story.next()).toMatchObject({ step: 'close', bailOutAt: minute });
    until(story, 'migrate');
    expect(story.next()).toMatchObject({ step: 'migrate', bailOutAt: minute });
  });

  it('past the point nothing is taken back, a person is paged once, and the run goes on', () => {
    const story = inWindow();
    until(story, 'start');
    story.now = minute;
    expect(story.next()).toEqual({ kind: 'append', event: { kind: 'bail-out-passed' } });
    story.play();
    expect(story.told.filter((kind) => kind === 'bail-out-passed')).toHaveLength(1);
    expect(story.state.ended?.state).toBe('succeeded');
  });

  it.each([
    ['before closing', 'close'],
    ['after opening', 'open'],
  ])('%s it asks for nothing', (_, step) => {
    const story = inWindow();
    until(story, step);
    if (step === 'open') story.perform('main', 'open', 1);
    story.now = minute;
    const next = story.next();
    expect('event' in next ? next.event.kind : next.kind).not.toMatch(/undo-began|bail-out-passed/);
  });

  it('a way back that a person asked for is what it wanted', () => {
    const story = inWindow();
    until(story, 'start');
    story.append({ kind: 'roll-back-requested', by: 'ops', reason: 'no' });
    story.now = minute;
    story.play();
    expect(story.told).not.toContain('bail-out-passed');
    expect(story.state.ended?.state).toBe('recovered');
  });

  it('the window of the closing counts, although the next one is what facts speak of by then', () => {
    const story = inWindow();
    until(story, 'stop');
    const day = 24 * 60 * MINUTE;
    story.now = ENDS + MINUTE;
    story.facts = {
      ...FREE,
      window: { ...WINDOW, opensAt: WINDOW.opensAt + day, closesAt: ENDS + day, cutOffAt: ENDS + day },
    };
    expect(story.next()).toMatchObject({ event: { kind: 'undo-began' } });
  });
});
