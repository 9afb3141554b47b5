import { describe, expect, it } from 'vitest';
import { decideCommand } from './command-verdict.ts';
import type { RunPlan } from './plan.ts';
import { runStateName } from './run-state.ts';
import { samplePlan } from './sample-plan.ts';
import { FREE, NOW, SEEN_NEW, SEEN_OLD, Story } from './sample-story.ts';

const FORWARD = [
  'run-started',
  'stage',
  'close',
  'backup',
  'stop',
  'migrate',
  'start',
  'probe',
  'switch',
  'open',
];

describe('the way forward', () => {
  it('performs every step in order and ends succeeded with the site open', () => {
    const story = new Story();
    story.play();
    expect(story.told).toEqual(FORWARD);
    expect(story.state.ended).toMatchObject({ state: 'succeeded', siteOpen: true });
  });

  it('tries a failed step again as often as retry.times says, then turns back', () => {
    const plan = samplePlan();
    const steps = plan.steps.map((step) =>
      step.id === 'stage' && step.kind === 'uses' ? { ...step, retry: { times: 2, pauseMs: 0 } } : step,
    );
    const story = new Story(
      { stage: { outcome: 'failed', reason: 'no disk', notApplied: true } },
      { ...plan, steps },
    );
    story.play();
    expect(story.told).toEqual(['run-started', 'stage', 'stage', 'stage', 'undo-began']);
    expect(story.state.ended).toMatchObject({ state: 'rolled-back', siteOpen: true });
  });

  it('retry-later waits and does not count as a failure (semantics 18)', () => {
    const story = new Story({ 'stage#1': { outcome: 'retry-later', reason: 'busy', retryAt: NOW + 60_000 } });
    expect(story.play()).toBe('busy');
    story.now = NOW + 60_000;
    story.play();
    expect(story.state.ended?.state).toBe('succeeded');
    expect(story.state.steps.main['stage']?.failures).toBe(0);
  });

  it('retry-later waits no longer than the step may take (semantics 18); then the run goes back', () => {
    const away = { outcome: 'retry-later', reason: 'HAProxy does not answer' } as const;
    const story = new Story();
    for (let attempt = 1; attempt <= 20; attempt += 1)
      story.outcomes[`stop#${attempt}`] = { ...away, retryAt: NOW + attempt * 6_000 };
    story.play();
    expect(story.state.endingReason).toMatch(
      /^stop failed: it waited \d+ s in vain: HAProxy does not answer$/,
    );
    expect(story.state.ended?.state).toBe('rolled-back');
  });

  it('a way back that waits in vain asks a person, and tells why it goes back; his retry waits anew', () => {
    const story = new Story({ backup: { outcome: 'failed', reason: 'cut', backup: null } });
    for (let attempt = 1; attempt <= 30; attempt += 1)
      story.outcomes[`undo:close#${attempt}`] = {
        outcome: 'retry-later',
        reason: 'HAProxy does not answer',
        retryAt: NOW + attempt * 6_000,
      };
    story.play();
    expect(story.state.asked).toMatchObject({ code: 'undo-failed', step: 'close' });
    expect(story.state.asked?.question).toMatch(
      /taking back "close" failed: it waited \d+ s in vain: HAProxy does not answer\. It goes back because: backup failed: cut/,
    );
    const { attempt = 0 } = story.state.steps.undo['close'] ?? {};
    story.append({ kind: 'retry-requested', by: 'ops', step: 'close' });
    story.play();
    expect(story.state.steps.undo['close']?.attempt).toBeGreaterThan(attempt + 1);
  });

  it('an attempt without an end is reconciled before anything else, even before a wish to cancel', () => {
    const story = new Story();
    story.append({ kind: 'run-started' });
    story.append({ kind: 'step-started', lane: 'main', step: 'stage', attempt: 1, worker: 'w1' });
    story.append({ kind: 'cancel-requested', by: 'ops', reason: 'stop' });
    expect(story.play()).toBe('reconcile main/stage');
  });
});

describe('holds before the committing step (semantics 6, 7)', () => {
  const OPEN = {
    windowId: 'win_1' as const,
    opensAt: NOW - 1,
    closesAt: NOW + 7_200_000,
    cutOffAt: NOW + 3_600_000,
  };
  it.each([
    ['a freeze', { freeze: { reason: 'quarter end', untilAt: NOW + 5 } }, 'frozen', NOW + 5],
    ['a shut window', { window: { ...OPEN, opensAt: NOW + 3_600_000 } }, 'window-shut', NOW + 3_600_000],
    ['a passed cut-off', { window: { ...OPEN, cutOffAt: NOW } }, 'window-shut', OPEN.closesAt],
    ['too little time left', { window: { ...OPEN, closesAt: NOW + 8_000 } }, 'window-too-short', NOW + 8_000],
    ['no window in sight', { window: null }, 'no-window', null],
    ['a withdrawn release', { releaseWithdrawn: 'bad build' }, 'release-withdrawn', null],
  ] as const)('%s holds the run at closing, with the next legal time', (_name, facts, code, until) => {
    const story = new Story();
    story.facts = { ...FREE, ...facts };
    story.play();
    expect(story.told).toEqual(['run-started', 'stage', 'held']);
    expect(story.state.held).toMatchObject({ code, until });
    expect(runStateName(story.state)).toBe('waiting');
    story.facts = FREE;
    story.play();
    expect(story.state.ended?.state).toBe('succeeded');
  });

  it('says an unchanged hold once, however often the run is woken', () => {
    const story = new Story();
    story.facts = { ...FREE, freeze: { reason: 'quarter end', untilAt: null } };
    story.play();
    const { lastSeq } = story.state;
    story.play();
    expect(story.state.lastSeq).toBe(lastSeq);
  });

  it('stop-the-world starts nothing, also after closing, but a way back goes on', () => {
    const story = new Story({ stop: { outcome: 'failed', reason: 'pid lives', notApplied: false } });
    story.facts = { ...FREE, stopped: { by: 'ops', reason: 'fire' } };
    expect(story.play()).toContain('everything is stopped');
    story.facts = FREE;
    story.append({ kind: 'hold-ended' });
    story.play();
    expect(story.state.ended?.state).toBe('rolled-back');
  });

  it('a freeze that begins after closing holds nothing: there is only forward or back', () => {
    const story = new Story();
    story.append({ kind: 'run-started' });
    story.perform('main', 'stage', 1);
    story.perform('main', 'close', 1);
    story.facts = { ...FREE, freeze: { reason: 'late', untilAt: null }, window: null };
    story.play();
    expect(story.state.ended?.state).toBe('succeeded');
  });
});

describe('before the point of no return: undo in reverse order of start (semantics 16)', () => {
  it('takes back what was done, looks at the site before opening it, and ends rolled-back', () => {
    const story = new Story({ stop: { outcome: 'failed', reason: 'it will not stop', notApplied: false } });
    story.play();
    expect(story.told.slice(5)).toEqual([
      'undo-began',
      'undo:stop',
      'observe-site',
      'undo:close',
      'undo:stage',
    ]);
    expect(story.state.ended).toMatchObject({ state: 'rolled-back', siteOpen: true });
  });

  it('a failed step that is proven not applied is not taken back', () => {
    const story = new Story({ stop: { outcome: 'failed', reason: 'refused', notApplied: true } });
    story.play();
    expect(story.told).not.toContain('undo:stop');
  });

  it('an undo that fails stops at needs-a-person with the page up', () => {
    const story = new Story({
      stop: { outcome: 'failed', reason: 'x', notApplied: false },
      'undo:stop': { outcome: 'failed', reason: 'port taken', notApplied: false },
    });
    story.play();
    expect(runStateName(story.state)).toBe('needs-a-person');
    expect(story.state.closedAt).not.toBeNull();
    expect(story.told).not.toContain('undo:close');
  });

  it('the marked step is not crossed without a proven backup (semantics 22)', () => {
    const story = new Story({
      backup: { backup: { backupId: 'bkp_1', grade: 'readable', begunAt: NOW, bytes: 1 } },
    });
    story.play();
    expect(story.told).not.toContain('migrate');
    expect(story.state.ended?.state).toBe('rolled-back');
    expect(story.state.endingReason).toContain('readable');
  });

  it('a marked step that is proven not applied leaves the undo allowed (semantics 14)', () => {
    const story = new Story({ migrate: { outcome: 'failed', reason: 'lock', notApplied: true } });
    story.play();
    expect(story.state.ended?.state).toBe('rolled-back');
    expect(story.told).toContain('undo:stop');
  });
});

describe('after the point of no return: recovery (semantics 17)', () => {
  const BAD_WRITE = {
    outcome: 'failed',
    reason: 'write check failed',
    observed: { ...SEEN_NEW, writeOk: false },
  } as const;

  it('restores by itself when the backup was begun while closed', () => {
    const story = new Story({ probe: BAD_WRITE });
    story.play();
    expect(story.told.slice(-5)).toEqual([
      'recovery-began',
      'recover:restore',
      'recover:restart',
      'recover:probe-old',
      'recover:reopen',
    ]);
    expect(story.state.ended).toMatchObject({ state: 'recovered', siteOpen: true });
  });

  it('asks a person when the backup was begun before closing and no loss is accepted', () => {
    const plan = samplePlan();
    const [stage, close, backup, ...rest] = plan.steps;
    if (stage === undefined || close === undefined || backup === undefined) throw new Error('sample plan');
    const steps = [
      stage,
      { ...backup, needs: ['stage'] },
      { ...close, needs: ['backup'] },
      ...rest.map((step) => (step.id === 'stop' ? { ...step, needs: ['close'] } : step)),
    ];
    const story = new Story({ probe: BAD_WRITE }, { ...plan, steps });
    story.play();
    expect(story.state.asked?.code).toBe('would-lose-data');
    expect(runStateName(story.state)).toBe('waiting');
    story.append({ kind: 'roll-back-requested', by: 'ops', reason: 'accepted' });
    story.play();
    expect(story.state.ended?.state).toBe('recovered');
  });

  it('does not open in the recovery before the old version was seen to write', () => {
    const story = new Story({
      probe: BAD_WRITE,
      'recover:probe-old': { observed: { ...SEEN_OLD, writeOk: false } },
    });
    story.play();
    expect(story.state.asked?.code).toBe('opening-refused');
    expect(story.state.closedAt).not.toBeNull();
  });

  it('never recovers by itself after users were let in', () => {
    const plan = samplePlan();
    const after = { ...plan.steps[6], id: 'watch', needs: ['open'] } as RunPlan['steps'][number]; // as: a copy of the probe step
    const story = new Story(
      { watch: { outcome: 'failed', reason: 'errors' } },
      { ...plan, steps: [...plan.steps, after] },
    );
    story.play();
    expect(story.state.asked?.code).toBe('failed-after-opening');
    expect(story.told).not.toContain('recovery-began');
  });
});

describe('opening passes one guard (semantics 10)', () => {
  it('refuses when the new version was never seen to write after the last change', () => {
    const story = new Story({ probe: { observed: null } });
    story.play();
    expect(story.state.asked?.code).toBe('opening-refused');
    expect(story.told).not.toContain('open');
  });

  it('refuses when another version answers', () => {
    const story = new Story({ probe: { observed: SEEN_OLD } });
    story.play();
    expect(story.state.asked?.question).toContain('shows version 1.0, not 2.0');
  });
});

describe('commands (semantics 14, 19, 20)', () => {
  const command = (verb: Parameters<typeof decideCommand>[2]['verb'], more = {}) =>
    ({ verb, step: null, actor: 'ops', reason: 'because', evidence: null, as: null, ...more }) as const;

  it('cancel takes back what was done; past the point of no return it is refused', () => {
    const story = new Story();
    story.append({ kind: 'run-started' });
    story.perform('main', 'stage', 1);
    const verdict = decideCommand(story.plan, story.state, command('cancel'));
    if (!verdict.allowed) throw new Error('refused');
    for (const event of verdict.events) story.append(event);
    story.play();
    expect(story.state.ended?.state).toBe('cancelled');

    const crossed = new Story();
    crossed.append({ kind: 'run-started' });
    for (const step of ['stage', 'close', 'backup', 'stop', 'migrate']) crossed.perform('main', step, 1);
    expect(decideCommand(crossed.plan, crossed.state, command('cancel'))).toMatchObject({ allowed: false });
    expect(decideCommand(crossed.plan, crossed.state, command('roll-back'))).toMatchObject({ allowed: true });
  });

  it.each([
    ['skip', 'close', {}],
    ['skip', 'migrate', {}],
    ['skip', 'open', {}],
    ['done-by-hand', 'open', { evidence: 'seen' }],
    ['done-by-hand', 'stage', {}],
    ['resolve', 'stage', { as: 'applied' }],
    ['retry', 'stage', {}],
    ['resume', null, {}],
  ] as const)('%s of %s is refused with a reason', (verb, step, more) => {
    const story = new Story();
    story.append({ kind: 'run-started' });
    const verdict = decideCommand(story.plan, story.state, command(verb, { step, ...more }));
    expect(verdict.allowed).toBe(false);
    expect(verdict).toHaveProperty('reasons.0');
  });

  it('an unknown outcome is resolved by a person and the run goes on from there', () => {
    const story = new Story({ stage: { outcome: 'unknown', reason: 'lost' } });
    expect(story.play()).toBe('reconcile main/stage');
    story.append({ kind: 'asked-person', code: 'unknown-outcome', question: '?', step: 'stage' });
    const verdict = decideCommand(story.plan, story.state, command('resolve', { as: 'applied' }));
    if (!verdict.allowed) throw new Error('refused');
    for (const event of verdict.events) story.append(event);
    story.play();
    expect(story.state.ended?.state).toBe('succeeded');
  });

  it('a paused run starts nothing until it is resumed, and a way back ignores the pause', () => {
    const story = new Story();
    story.append({ kind: 'run-started' });
    story.append({ kind: 'paused', by: 'ops', reason: 'lunch' });
    expect(story.play()).toContain('paused by ops');
    story.append({ kind: 'roll-back-requested', by: 'ops', reason: 'no' });
    story.play();
    expect(story.state.ended?.state).toBe('rolled-back');
  });
});
