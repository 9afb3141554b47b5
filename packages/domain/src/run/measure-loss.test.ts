/** When what going back would lose is measured: issue 3 section 2, E1, E6, C57. */
import { describe, expect, it } from 'vitest';
import { decideCommand } from './command-verdict.ts';
import { readLoss, tellLoss, type LossReport } from './loss.ts';
import { sampleAction, samplePlan } from './sample-plan.ts';
import { NOW, Story } from './sample-story.ts';

const FIVE: LossReport = {
  inserted: 5,
  changed: 0,
  deleted: 0,
  tables: [{ table: 'shop.orders', inserted: 5, changed: 0, deleted: 0, rows: [], note: null }],
  more: 0,
  exportPath: '/x/loss.jsonl',
  sinceAt: NOW,
  measuredAt: NOW + 1,
};
const LOOK = sampleAction('database/loss', { mutates: false });

/** The sample with the backup before closing, and a migration that fails. */
function lossy(change: Parameters<typeof samplePlan>[0] = { loss: LOOK }): Story {
  const plan = samplePlan(change);
  const [stage, close, backup, ...rest] = plan.steps;
  if (stage === undefined || close === undefined || backup === undefined) throw new Error('another sample');
  const steps = [stage, { ...backup, needs: ['stage'] }, { ...close, needs: ['backup'] }, ...rest].map(
    (step) => (step.id === 'stop' ? { ...step, needs: ['close'] } : step),
  );
  const story = new Story({ migrate: { outcome: 'failed', reason: 'no' } }, { ...plan, steps });
  story.measured = { loss: FIVE, problem: null };
  return story;
}

const rollBack = (story: Story): void =>
  story.append({ kind: 'roll-back-requested', by: 'ops', reason: 'they agreed' });

describe('a question about losing data', () => {
  it('17: is followed by its numbers, once', () => {
    const story = lossy();
    expect(story.play()).toMatch(/waiting for a person/);
    expect(story.told.slice(-2)).toEqual(['asked-person', 'measure-loss']);
    expect(story.state).toMatchObject({
      asked: { code: 'would-lose-data' },
      loss: { report: FIVE, lane: 'main' },
    });
    story.play();
    expect(story.told.filter((kind) => kind === 'measure-loss')).toHaveLength(1);
  });

  it('17: after opening as well', () => {
    const story = new Story({ open: { outcome: 'failed', reason: 'no' } }, samplePlan({ loss: LOOK }));
    story.play();
    expect(story.state.asked?.code).toBe('failed-after-opening');
    expect(story.told.at(-1)).toBe('measure-loss');
  });

  it('stands with the problem when nobody can say', () => {
    const story = lossy();
    story.measured = { loss: null, problem: 'the backup file is gone' };
    story.play();
    expect(story.state.loss).toEqual({ report: null, problem: 'the backup file is gone', lane: 'main' });
  });

  it('of a plan of the first version stands alone', () => {
    const story = lossy({});
    story.play();
    expect(story.state).toMatchObject({ asked: { code: 'would-lose-data' }, loss: null });
  });

  it('is measured anew when it is asked again', () => {
    const story = lossy();
    story.play();
    story.append({ kind: 'retry-requested', by: 'ops', step: 'migrate' });
    story.play();
    expect(story.told.filter((kind) => kind === 'measure-loss')).toHaveLength(2);
  });

  it('is answered by who knows what a roll-back loses', () => {
    const story = lossy();
    story.play();
    const command = {
      verb: 'roll-back',
      step: null,
      actor: 'ops',
      reason: 'x',
      evidence: null,
      as: null,
    } as const;
    expect(decideCommand(story.plan, story.state, command)).toMatchObject({
      does: expect.stringContaining('5 rows of 1 table (5 inserted)') as string,
    });
  });
});

describe('E6: before a restore', () => {
  it('everything is exported once more, when nothing is written any more', () => {
    const story = lossy();
    story.play();
    rollBack(story);
    story.play();
    expect(story.told.slice(-6)).toEqual(['recovery-began', 'recover:measure-loss', 'recover:restore', 'recover:restart', 'recover:probe-old', 'recover:reopen']); // prettier-ignore
    expect(story.state.ended?.state).toBe('recovered');
  });

  it('a measurement that fails holds nobody up, and keeps the numbers that there were', () => {
    const story = lossy();
    story.play();
    story.measured = { loss: null, problem: 'no space left' };
    rollBack(story);
    story.play();
    expect(story.state.ended?.state).toBe('recovered');
    expect(story.state.loss).toEqual({ report: FIVE, problem: 'no space left', lane: 'recover' });
  });

  it('also when the policy accepts the loss and nobody is asked', () => {
    const backup = { maxAgeMs: 3_600_000, grade: 'restored', acceptedLossMs: 3_600_000 } as const;
    const story = lossy({ loss: LOOK, backup });
    story.play();
    expect(story.state).toMatchObject({ ended: { state: 'recovered' }, loss: { lane: 'recover' } });
  });

  it('not when the backup was taken on a closed site that was never opened: nothing can be lost', () => {
    const story = new Story({ migrate: { outcome: 'failed', reason: 'no' } }, samplePlan({ loss: LOOK }));
    story.play();
    expect(story.state).toMatchObject({ ended: { state: 'recovered' }, loss: null });
  });
});

describe('a report', () => {
  it.each([
    ['a sentence of nothing', { ...FIVE, inserted: 0, tables: [] }, 'nothing was written since the backup'],
    ['of five', FIVE, '5 rows of 1 table (5 inserted)'],
    [
      'of one row and more tables than are listed',
      { ...FIVE, inserted: 0, deleted: 1, more: 2 },
      '1 row of 3 tables (1 deleted)',
    ],
  ])('is told as %s', (_, loss, text) => {
    expect(tellLoss(loss)).toBe(text);
  });

  it('that a script wrote is read as far as it is understood, and nonsense is no report', () => {
    const table = {
      table: 'a',
      inserted: 1,
      rows: [{ change: 'inserted', key: { id: 1 } }, { change: 'eaten', key: {} }, 3],
    };
    expect(readLoss({ tables: [table, 7], inserted: 1, changed: 0, deleted: 0 }, 5, 6)).toEqual({
      inserted: 1,
      changed: 0,
      deleted: 0,
      tables: [
        {
          table: 'a',
          inserted: 1,
          changed: 0,
          deleted: 0,
          rows: [{ change: 'inserted', key: { id: 1 } }],
          note: null,
        },
      ],
      more: 0,
      exportPath: null,
      sinceAt: 5,
      measuredAt: 6,
    });
    for (const output of [
      {},
      { tables: 'none' },
      { tables: [] },
      { tables: [], inserted: 'x', changed: 0, deleted: 0 },
    ])
      expect(readLoss(output, 0, 0)).toBeNull();
  });
});
