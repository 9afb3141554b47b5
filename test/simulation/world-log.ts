/**
 * Everything that really happened, in order: what receivers did, rows of the journals as they were committed, the calendar,
 * people, workers. The checkers see this and nothing else.
 */
import type { Lane, RunEvent } from '@sitelift/domain/run/events.ts';

export type Slot = 'blue' | 'green';

/** One side of the site: the code that lies there, and whether it runs. */
export interface Code {
  readonly version: string | null;
  readonly running: boolean;
}

export interface SiteState {
  readonly page: 'open' | 'closed';
  readonly serving: Slot;
  readonly blue: Code;
  readonly green: Code;
  /** Version of the schema; `half` in the middle of a migration or a restore. */
  readonly schema: string;
  /** Numbers of what users wrote and the site has. */
  readonly content: readonly number[];
}

/** Work that somebody gave to a host. */
export interface Job {
  readonly id: number;
  readonly site: string;
  readonly run: string;
  readonly lane: string;
  readonly step: string;
  readonly attempt: number;
  readonly fence: number;
  readonly action: string;
  readonly worker: string;
  /** Changes the site, its page or its traffic. */
  readonly mutates: boolean;
  /** Twice is more than once. */
  readonly once: boolean;
}

export type Happening =
  | { readonly kind: 'row'; readonly run: string; readonly event: RunEvent }
  | { readonly kind: 'job-began'; readonly job: Job }
  | { readonly kind: 'job-refused'; readonly job: Job; readonly why: string }
  | { readonly kind: 'effect'; readonly job: Job; readonly what: string; readonly site: SiteState }
  | { readonly kind: 'job-ended'; readonly job: Job; readonly how: 'done' | 'killed' | 'failed' | 'refused' }
  | { readonly kind: 'observed'; readonly job: Job; readonly answer: string }
  | { readonly kind: 'probed'; readonly job: Job; readonly slot: Slot; readonly version: string | null; readonly writeOk: boolean }
  | { readonly kind: 'proven'; readonly job: Job; readonly backup: string; readonly good: boolean; readonly begunAt: number }
  | { readonly kind: 'by-hand'; readonly site: string; readonly what: string; readonly state: SiteState }
  | { readonly kind: 'written'; readonly site: string; readonly item: number }
  | { readonly kind: 'calendar'; readonly what: 'freeze' | 'lift' | 'withdraw' | 'restore-release' | 'stop' | 'go' }
  | { readonly kind: 'person'; readonly run: string; readonly text: string }
  | { readonly kind: 'worker'; readonly worker: string; readonly what: string }
  | { readonly kind: 'fault'; readonly text: string }
  | { readonly kind: 'phase'; readonly what: 'faults-off' | 'end' }; // prettier-ignore

export type Entry = Happening & { readonly at: number };

export type Say = (happening: Happening) => void;

function rowText(event: RunEvent): string {
  const { kind, seq, at: _, fence, ...rest } = event;
  const words = Object.entries(rest)
    .filter(([, value]) => value !== null && value !== false && JSON.stringify(value) !== '{}')
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `#${seq} f${fence} ${kind} ${words.join(' ')}`;
}

function jobText({ run, lane, step, attempt, fence, action, worker }: Job): string {
  return `${run} ${lane}/${step} #${attempt} ${action} f${fence} by ${worker}`;
}

function siteText({ page, serving, blue, green, schema, content }: SiteState): string {
  const code = ({ version, running }: Code) => `${version ?? '-'}${running ? '*' : ''}`;
  return `[${page} ${serving} blue ${code(blue)} green ${code(green)} schema ${schema} content ${content.length}]`;
}

/** One line of a trace. */
export function entryText(entry: Entry, epoch: number): string {
  const time = ((entry.at - epoch) / 1000).toFixed(3).padStart(10);
  const words = (): string => {
    switch (entry.kind) {
      case 'row':
        return `${entry.run} ${rowText(entry.event)}`;
      case 'effect':
        return `${jobText(entry.job)}: ${entry.what} ${siteText(entry.site)}`;
      case 'job-began':
        return jobText(entry.job);
      case 'job-refused':
        return `${jobText(entry.job)}: ${entry.why}`;
      case 'job-ended':
        return `${jobText(entry.job)}: ${entry.how}`;
      case 'observed':
        return `${jobText(entry.job)}: ${entry.answer}`;
      case 'probed':
        return `${jobText(entry.job)}: ${entry.slot} ${entry.version ?? 'none'} write ${entry.writeOk ? 'ok' : 'refused'}`;
      case 'proven':
        return `${jobText(entry.job)}: ${entry.backup} ${entry.good ? 'good' : 'bad'}`;
      case 'by-hand':
        return `${entry.site}: ${entry.what} ${siteText(entry.state)}`;
      case 'written':
        return `${entry.site}: item ${entry.item}`;
      case 'person':
        return `${entry.run}: ${entry.text}`;
      case 'worker':
        return `${entry.worker}: ${entry.what}`;
      case 'fault':
        return entry.text;
      case 'calendar':
      case 'phase':
        return entry.what;
      default:
        return entry satisfies never;
    }
  };
  return `${time}  ${entry.kind.padEnd(11)} ${words()}`;
}

export const LANES: readonly Lane[] = ['main', 'undo', 'recover'];
