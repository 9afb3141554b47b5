/**
 * What the receivers saw. I-1 (one hand on a site at a time), I-2 (fences rise), I-3 (nothing that is not idempotent is done
 * twice blindly), and the promise to the users: an open site serves code that fits its database, seen to work before the doors
 * opened (I-13, semantics 10).
 */
import type { Check, Fail, PlanOf } from './checker.ts';
import type { Entry, Job, SiteState, Slot } from './world-log.ts';

interface Busy {
  readonly job: Job;
  /** A newer fence has begun to work here: whatever this one still does is a second hand. */
  superseded: boolean;
}

interface Seen {
  readonly slot: Slot;
  readonly version: string | null;
  readonly writeOk: boolean;
  readonly order: number;
}

interface SiteView {
  readonly busy: Map<number, Busy>;
  fence: number;
  /** Newest fence of any request, looks included. */
  heard: number;
  state: SiteState | null;
  /** Order of the last effect on the site itself; page and traffic are not the site. */
  changed: number;
  seen: Seen | null;
}

/** The last time that this effect was begun, and when somebody looked or said what had come of it. */
interface Once {
  lastActivity: number;
  lookedAt: number;
}

const PAGE_OR_TRAFFIC = new Set(['proxy/close', 'proxy/open', 'proxy/switch']);

export function checkSites(planOf: PlanOf, fail: Fail): Check {
  const sites = new Map<string, SiteView>();
  const onces = new Map<string, Once>();
  /** A person took a risk with this run by name (skip, done by hand): what follows of it is theirs. */
  const byPeople = new Set<string>();
  const over = new Set<string>();
  let order = 0;

  const viewOf = (site: string): SiteView => {
    const found = sites.get(site) ?? {
      busy: new Map(),
      fence: 0,
      heard: 0,
      state: null,
      changed: 0,
      seen: null,
    };
    sites.set(site, found);
    return found;
  };
  const text = ({ run, lane, step, action, fence, worker }: Job): string =>
    `${action} (${run} ${lane}/${step}, fence ${fence}, ${worker})`;
  const onceOf = ({ run, lane, step }: Job): Once | undefined => onces.get(`${run}/${lane}/${step}`);

  const began = (job: Job): void => {
    const site = viewOf(job.site);
    site.heard = Math.max(site.heard, job.fence);
    if (!job.mutates) return;
    if (job.fence < site.fence) fail('I-2', `${text(job)} was accepted after fence ${site.fence}`);
    site.fence = Math.max(site.fence, job.fence);
    for (const other of site.busy.values()) {
      if (other.job.fence < job.fence) other.superseded = true;
      else fail('I-1', `${text(job)} began while ${text(other.job)} was at work`);
    }
    site.busy.set(job.id, { job, superseded: false });
    if (!job.once) return;
    const once = onceOf(job);
    if (once !== undefined && once.lookedAt < once.lastActivity)
      fail('I-3', `${text(job)} was begun again, and nobody had looked what had come of it`);
    onces.set(`${job.run}/${job.lane}/${job.step}`, { lastActivity: order, lookedAt: once?.lookedAt ?? 0 });
  };

  const serves = (site: SiteView, run: string | null): void => {
    const { state } = site;
    if (state === null || run === null) return;
    const { needs } = planOf(run);
    for (const slot of ['blue', 'green'] as const) {
      const { version, running } = state[slot];
      const fits = version !== null && needs[version] === state.schema;
      if (running && !fits && !byPeople.has(run))
        fail('semantics 9', `${slot} runs ${version ?? 'nothing'} on schema ${state.schema}`);
      if (state.page === 'open' && state.serving === slot && !(running && fits))
        fail('I-13', `the site is open and ${slot} serves nothing that fits schema ${state.schema}`);
    }
  };

  /** Users are let in, or sent to other code: somebody must have seen that very code work since the last change. */
  const letIn = (site: SiteView, job: Job): void => {
    const { state, seen } = site;
    if (state === null) return;
    const { serving } = state;
    const version = state[serving].version;
    const fresh =
      seen !== null && seen.order > site.changed && seen.slot === serving && seen.version === version;
    if (!fresh) fail('I-13', `${text(job)} let users in, but nobody had seen ${version ?? 'nothing'} work`);
    else if (job.lane !== 'undo' && !seen.writeOk)
      fail('I-13', `${text(job)} let users in, though writes are refused`);
  };

  const effect = (entry: Entry & { kind: 'effect' }): void => {
    const { job, what } = entry;
    const site = viewOf(job.site);
    const before = site.state;
    site.state = entry.site;
    const busy = site.busy.get(job.id);
    if (busy?.superseded === true) fail('I-1', `${text(job)}: ${what}, while a newer fence was at work`);
    if (job.fence < site.fence) fail('I-2', `${text(job)}: ${what}, after fence ${site.fence}`);
    if (over.has(job.run)) fail('I-6', `${text(job)}: ${what}, after the run had ended`);
    if (job.once) {
      const once = onceOf(job);
      if (once !== undefined) once.lastActivity = order;
      const { plan, needs } = planOf(job.run);
      if (before !== null && before.schema === needs[plan.to.version])
        fail('I-3', `${text(job)}: ${what} a second time`);
    }
    if (!PAGE_OR_TRAFFIC.has(job.action)) site.changed = order;
    const opened = job.action === 'proxy/open' && before?.page === 'closed';
    const sent =
      job.action === 'proxy/switch' && entry.site.page === 'open' && before?.serving !== entry.site.serving;
    if (opened || (sent && job.lane !== 'undo')) letIn(site, job);
    serves(site, job.run);
  };

  return {
    see: (entry) => {
      order += 1;
      switch (entry.kind) {
        case 'job-began':
          began(entry.job);
          break;
        case 'effect':
          effect(entry);
          break;
        case 'job-ended':
          viewOf(entry.job.site).busy.delete(entry.job.id);
          break;
        case 'observed': {
          const once = onceOf(entry.job);
          if (once !== undefined && entry.answer !== 'cannot-tell' && entry.answer !== 'throws')
            once.lookedAt = order;
          break;
        }
        case 'probed':
          // What a lost worker's look still finds out reaches nobody.
          if (entry.job.fence >= viewOf(entry.job.site).heard)
            viewOf(entry.job.site).seen = { ...entry, order };
          break;
        case 'by-hand': {
          const site = viewOf(entry.site);
          site.state = entry.state;
          if (!entry.what.startsWith('proxy/')) site.changed = order;
          break;
        }
        case 'row': {
          const { event, run } = entry;
          if (event.kind === 'step-skipped' || event.kind === 'step-done-by-hand') byPeople.add(run);
          if (event.kind === 'step-resolved' || event.kind === 'retry-requested') {
            for (const [key, once] of onces) if (key.startsWith(`${run}/`)) once.lookedAt = order;
          }
          if (event.kind === 'run-ended') over.add(run);
          break;
        }
        default:
      }
    },
  };
}
