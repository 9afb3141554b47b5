/** `runs`, `run`, `logs`, and a person's words to a run: `pause resume cancel retry skip done resolve rollback`. */
import type { Client } from '@sitelift/contract/client.ts';
import { routes } from '@sitelift/contract/routes.ts';
import type { LogLineView, RunStepView, RunSummary, RunView } from '@sitelift/contract/views.ts';
import type { RunVerb } from '@sitelift/domain/run/command-verdict.ts';
import type { BackupGrade } from '@sitelift/domain/run/plan.ts';
import { TERMINAL_STATES } from '@sitelift/domain/run/events.ts';
import type { Command } from 'commander';
import { CommandFailure, print, type CommandContext } from '../command-context.ts';
import { readEvents } from '../read-events.ts';
import { runIdOf } from '../run-id-of.ts';
import { showLoss } from './loss.ts';
import { duration, plain, state, table, time, tone } from '../terminal.ts';

function isOver(run: RunSummary): boolean {
  return (TERMINAL_STATES as readonly string[]).includes(run.state);
}

function tookMs({ startedAt, endedAt }: { startedAt: string | null; endedAt: string | null }): number | null {
  if (startedAt === null || endedAt === null) return null;
  return Date.parse(endedAt) - Date.parse(startedAt);
}

function showRuns(runs: readonly RunSummary[]): string {
  if (runs.length === 0) return 'There is no run yet. `sitelift plan` shows what would start.';
  return table(
    ['RUN', 'INSTANCE', 'VERSIONS', 'STATE', 'STARTED', 'TOOK', ''],
    runs.map((run) => {
      const took = tookMs(run);
      return [
        run.id,
        run.instance,
        `${run.fromVersion} → ${run.toVersion}`,
        state(run.state),
        time(run.startedAt, run.zone),
        took === null ? '' : duration(took),
        isOver(run) ? '' : plain(run.detail ?? run.step?.title ?? ''),
      ];
    }),
  );
}

function stepLine(step: RunStepView): readonly string[] {
  const took = tookMs(step);
  const marks = [
    step.pointOfNoReturn ? tone('fail', 'point of no return') : '',
    step.closes ? 'closes' : '',
    step.opens ? 'opens' : '',
    step.manual ? 'by hand' : '',
    step.attempt > 1 ? `attempt ${step.attempt}` : '',
    step.state === 'failed' || step.state === 'unknown' ? plain(step.detail) : '',
  ].filter((mark) => mark !== '');
  return [
    step.lane === 'recover' ? tone('back', '↩') : ' ',
    step.id,
    state(step.state),
    took === null ? tone('idle', `~${duration(step.forecastMs)}`) : duration(took),
    marks.join(', '),
  ];
}

export function showRun(run: RunView): string {
  const lines = [
    `${tone('bold', run.instance)}  ${run.fromVersion} → ${run.toVersion}  ${state(run.state)}`,
    `  ${run.id}, playbook ${run.playbook.name} ${run.playbook.digest.slice(0, 12)}, content ${run.contentHash.slice(0, 12)}, ${run.trigger} by ${plain(run.requestedBy)}`,
  ];
  if (run.detail !== null) lines.push(`  ${plain(run.detail)}`);
  const lanes = run.steps.filter((step) => step.lane === 'main' || step.state !== 'pending');
  lines.push(table(['', 'STEP', 'STATE', 'TIME', ''], lanes.map(stepLine)));
  if (run.backup !== null)
    lines.push(
      `  backup ${run.backup.grade}, ${(run.backup.bytes / 1024).toFixed(0)} KiB, begun ${time(run.backup.begunAt, run.zone)}`,
    );
  const open = { true: 'open', false: tone('wait', 'closed'), null: 'not known' }[String(run.siteOpen)] ?? '';
  lines.push(
    `  site ${open}${run.endedAt === null && run.forecastEndAt !== null ? `, forecast end ${time(run.forecastEndAt, run.zone)}` : ''}`,
  );
  if (run.bailOutAt !== null)
    lines.push(`  going back fits into the window until ${time(run.bailOutAt, run.zone)}`);
  const lost = run.loss?.report ?? null;
  if (lost !== null)
    lines.push(
      `  going back would lose ${lost.inserted + lost.changed + lost.deleted} rows written since the backup; \`sitelift loss ${run.id}\` lists them`,
    );
  const may = run.actions.filter(({ allowed }) => allowed);
  if (may.length > 0) {
    lines.push('  you may now:');
    for (const { name, does } of may)
      lines.push(
        `    ${name === 'roll-back' ? 'rollback' : name === 'done-by-hand' ? 'done' : name}: ${does ?? ''}`,
      );
  }
  return lines.join('\n');
}

function logLine({ step, stream, text, at, lane }: LogLineView): string {
  const clock = at.slice(11, 19);
  const label = lane === 'main' ? step : `${lane}:${step}`;
  const body =
    stream === 'note'
      ? tone('idle', `· ${plain(text)}`)
      : stream === 'err'
        ? tone('wait', plain(text))
        : plain(text);
  return `${tone('idle', `${clock} ${label.padEnd(14)}`)} ${body}`;
}

/** Prints what changes until the run is over; ends at once when it already is. */
export async function watchRun(
  context: CommandContext,
  client: Client,
  run: string,
  show: 'run' | 'log',
): Promise<RunView | null> {
  let last: RunView | null = null;
  const seen = new Map<string, string>();
  for await (const event of readEvents(client, routes.streamRun, { params: { run } }, context.signal)) {
    if (event.type === 'log' && show === 'log') {
      const lines = JSON.parse(event.data) as LogLineView[]; // as: the route's own schema, already sent by our server
      for (const line of lines) context.terminal.out(context.json() ? JSON.stringify(line) : logLine(line));
    }
    if (event.type !== 'run') continue;
    last = JSON.parse(event.data) as RunView; // as: see above
    if (show === 'run' && !context.json()) {
      for (const step of last.steps) {
        const key = `${step.lane}/${step.id}`;
        const now = `${step.state}#${step.attempt}`;
        if (step.state !== 'pending' && seen.get(key) !== now)
          context.terminal.out(stepLine(step).join('  '));
        seen.set(key, now);
      }
    }
    if (isOver(last)) return last;
  }
  return last;
}

export function failUnlessGood(run: RunView | null): void {
  if (run !== null && isOver(run) && run.state !== 'succeeded')
    throw new CommandFailure(`the run ended: ${run.state}`);
}

export function addRunCommands(program: Command, context: CommandContext): void {
  program
    .command('runs')
    .description('runs, newest first')
    .option('--instance <instance>')
    .option('--open', 'only those that are not over')
    .option('--limit <n>', 'at most this many', '50')
    .action(async (options: { instance?: string; open?: boolean; limit: string }) => {
      const query = {
        state: options.open === true ? 'open' : 'all',
        limit: options.limit,
        ...(options.instance === undefined ? {} : { instance: options.instance }),
      } as const;
      const { runs } = await (await context.client()).call(routes.listRuns, { query });
      print(context, runs, showRuns);
    });

  program
    .command('run')
    .description('one run with every step, and what you may tell it')
    .argument('<run>', 'its id, or an instance for its newest run')
    .option('--watch', 'show it until it is over')
    .action(async (named: string, options: { watch?: boolean }) => {
      const client = await context.client();
      const run = await runIdOf(client, named);
      if (options.watch === true) {
        const last = await watchRun(context, client, run, 'run');
        if (last !== null) print(context, last, showRun);
        failUnlessGood(last);
      } else print(context, await client.call(routes.getRun, { params: { run } }), showRun);
    });

  program
    .command('logs')
    .description('output of the steps of a run')
    .argument('<run>', 'its id, or an instance for its newest run')
    .option('--step <step>', 'only this step')
    .option('--watch', 'go on until the run is over')
    .action(async (named: string, options: { step?: string; watch?: boolean }) => {
      const client = await context.client();
      const run = await runIdOf(client, named);
      if (options.watch === true) {
        await watchRun(context, client, run, 'log');
        return;
      }
      const all: LogLineView[] = [];
      for (let more = true; more;) {
        const query = {
          after: all.at(-1)?.id ?? 0,
          ...(options.step === undefined ? {} : { step: options.step }),
        };
        const page = await client.call(routes.runLog, { params: { run }, query });
        all.push(...page.lines);
        more = page.more && page.lines.length > 0;
      }
      print(context, all, (lines) =>
        lines.length === 0 ? 'No step has printed anything.' : lines.map(logLine).join('\n'),
      );
    });

  program
    .command('signal')
    .description('tell a run that something outside has happened')
    .argument('<run>', 'its id, or an instance for its newest run')
    .argument('<name>', 'what the step waits for')
    .option('--reason <text>', 'why', '')
    .action(async (named: string, name: string, { reason }: { reason: string }) => {
      const client = await context.client();
      const params = { run: await runIdOf(client, named), name };
      const signal = await client.call(routes.signalRun, { params, body: { reason } });
      print(context, signal, ({ by }) => `The signal ${name} is known to the run (by ${plain(by)}).`);
    });

  const verbs: readonly (readonly [string, RunVerb, string])[] = [
    ['pause', 'pause', 'start no further step; the one running ends first'],
    ['resume', 'resume', 'go on after a pause'],
    ['cancel', 'cancel', 'end the running step and take back what was done'],
    ['retry', 'retry', 'try a failed step again'],
    [
      'rollback',
      'roll-back',
      'go back to the version before: undo, or the recovery after the point of no return',
    ],
    ['skip', 'skip', 'leave a step out, with a reason'],
    ['done', 'done-by-hand', 'record that a step was done by hand, with evidence'],
    ['resolve', 'resolve', 'say what you found out about a step whose outcome is unknown'],
  ];
  for (const [name, verb, description] of verbs) {
    program
      .command(name)
      .description(description)
      .argument('<run>', 'its id, or an instance for its newest run')
      .option('--step <step>', 'the step that is meant (default: the one in question)')
      .option('--reason <text>', 'why', '')
      .option('--evidence <text>', 'what was seen, for `done`')
      .option('--seen-version <version>', 'for `done` of a probe by hand: the version that answers')
      .option('--write-passed', 'for `done` of a probe by hand: a write went through')
      .option('--backup-grade <grade>', 'for `done` of a backup by hand: written, readable or restored')
      .option('--backup-begun <instant>', 'for `done` of a backup by hand: when its snapshot was taken')
      .option('--applied', 'for `resolve`: it was done')
      .option('--not-applied', 'for `resolve`: it was not done')
      .option('--dry-run', 'say what it would do, and do nothing')
      .action(
        async (
          named: string,
          options: {
            step?: string;
            reason: string;
            evidence?: string;
            applied?: boolean;
            notApplied?: boolean;
            dryRun?: boolean;
            seenVersion?: string;
            writePassed?: boolean;
            backupGrade?: BackupGrade;
            backupBegun?: string;
          },
        ) => {
          const client = await context.client();
          const as =
            options.applied === true ? 'applied' : options.notApplied === true ? 'not-applied' : undefined;
          const run = await runIdOf(client, named);
          const answer = await client.call(routes.commandRun, {
            params: { run },
            body: {
            verb, reason: options.reason, dryRun: options.dryRun === true,
            ...(options.step === undefined ? {} : { step: options.step }),
            ...(options.evidence === undefined ? {} : { evidence: options.evidence }),
            ...(as === undefined ? {} : { as }),
            ...(options.seenVersion === undefined ? {} : { observed: { version: options.seenVersion, writeOk: options.writePassed === true } }),
            ...(options.backupGrade === undefined || options.backupBegun === undefined ? {} : { backup: { grade: options.backupGrade, begunAt: options.backupBegun } }),
          }, // prettier-ignore
          });
          print(context, answer, ({ does }) =>
            options.dryRun === true ? `Would do: ${does}` : `It ${does}.`,
          );
          if (verb === 'roll-back' && options.dryRun === true && !context.json()) {
            const { loss } = await client.call(routes.runLoss, { params: { run } });
            if (loss !== null) context.terminal.out(showLoss(loss));
          }
        },
      );
  }
}
