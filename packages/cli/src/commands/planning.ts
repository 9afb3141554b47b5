/** `plan`, `why`: what happens tonight, and why not the others. */
import { routes } from '@sitelift/contract/routes.ts';
import type { DecisionView, PlanView } from '@sitelift/contract/views.ts';
import { reasonsInTheWay } from '@sitelift/domain/planning/reasons-in-the-way.ts';
import type { Command } from 'commander';
import { CommandFailure, EXIT, print, type CommandContext } from '../command-context.ts';
import { fit, plain, state, table, time, tone } from '../terminal.ts';

function versions({ fromVersion, toVersion }: DecisionView): string {
  return toVersion === null || toVersion === fromVersion
    ? (fromVersion ?? '–')
    : `${fromVersion ?? '–'} → ${toVersion}`;
}

/** `columns`: of the terminal, where one is looking: a reason that is cut stands whole in `why`. */
function showPlan(plan: PlanView, columns: number | null): string {
  if (plan.decisions.length === 0)
    return 'The fleet is empty. `sitelift apply -f <directory>` brings one in.';
  const rows = plan.decisions.map((decision) => {
    const [first, ...more] = reasonsInTheWay(decision.reasons);
    const rest = more.length === 0 ? '' : tone('idle', ` (+${more.length})`);
    return [
      decision.instance,
      state(decision.verdict),
      versions(decision),
      decision.startsAt === null ? '–' : time(decision.startsAt, decision.zone),
      `${plain(first?.detail)}${rest}`,
    ];
  });
  const lines = table(['INSTANCE', 'VERDICT', 'VERSIONS', 'STARTS', 'WHY'], rows)
    .split('\n')
    .map((line) => fit(line, columns));
  if (plan.stopped !== null)
    lines.push(
      tone('fail', `Everything is stopped by ${plain(plan.stopped.by)}: ${plain(plan.stopped.reason)}`),
    );
  for (const note of plan.notes)
    lines.push(tone(note.severity === 'fatal' ? 'fail' : 'wait', `${note.severity}: ${plain(note.text)}`));
  const counts = Object.entries(plan.counts).filter(([, count]) => count > 0);
  lines.push(
    `${counts.map(([verdict, count]) => `${count} ${verdict}`).join(', ')}. As of ${time(plan.at)}; \`sitelift why <instance>\` gives every reason.`,
  );
  return lines.join('\n');
}

function showWhy(decision: DecisionView): string {
  const lines = [`${tone('bold', decision.instance)}  ${state(decision.verdict)}  ${versions(decision)}`];
  for (const reason of decision.reasons) {
    lines.push(`  - ${plain(reason.detail)} ${tone('idle', `[${reason.code}]`)}`);
    if (reason.clearsAt !== null) lines.push(`      clears at ${time(reason.clearsAt, decision.zone)}`);
    if (reason.clearedBy !== null) lines.push(`      cleared by ${plain(reason.clearedBy)}`);
  }
  if (decision.window !== null)
    lines.push(
      `  window ${time(decision.window.opensAt, decision.zone)} – ${time(decision.window.closesAt, decision.zone)}, nothing commits after ${time(decision.window.cutOffAt, decision.zone)}`,
    );
  if (decision.startsAt !== null && decision.verdict !== 'start')
    lines.push(`  earliest start as far as is known: ${time(decision.startsAt, decision.zone)}`);
  return lines.join('\n');
}

/** An instant as typed: ISO with offset or `Z`. */
export function instantOption(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const at = Date.parse(text);
  if (Number.isNaN(at) || !/T.*(Z|[+-]\d\d:?\d\d)$/.test(text))
    throw new CommandFailure(
      `"${text}" is no instant; write it with its offset, such as 2026-12-18T16:00:00Z`,
      EXIT.usage,
    );
  return new Date(at).toISOString();
}

export function addPlanCommands(program: Command, context: CommandContext): void {
  program
    .command('plan')
    .description('what happens tonight, to whom, when, and why not the others')
    .option('--at <instant>', 'plan as if it were then')
    .option('--start', 'look now instead of at the next pass, and start what may start')
    .action(async (options: { at?: string; start?: boolean }) => {
      const client = await context.client();
      if (options.start === true) {
        const { started } = await client.call(routes.planNow);
        print(context, { started }, () =>
          started.length === 0
            ? 'Nothing may start now; `sitelift plan` says why.'
            : `Started: ${started.join(', ')}`,
        );
        return;
      }
      const at = instantOption(options.at);
      const plan = await client.call(routes.plan, { query: at === undefined ? {} : { at } });
      const { isTty, columns } = context.terminal;
      print(context, plan, (value) => showPlan(value, isTty ? columns : null));
    });

  program
    .command('why')
    .description('every reason why an instance moves or does not')
    .argument('<instance>')
    .option('--at <instant>', 'as if it were then')
    .action(async (instance: string, options: { at?: string }) => {
      const at = instantOption(options.at);
      const client = await context.client();
      const decision = await client.call(routes.why, {
        params: { instance },
        query: at === undefined ? {} : { at },
      });
      print(context, decision, showWhy);
    });
}
