/** Sites that exist only in memory, behind a fake driver at the edge: everything up to the driver is the real thing. */
import type { JsonObject } from '@sitelift/domain/run/plan.ts';
import { z } from 'zod';
import { ACTION_CATALOGUE } from '@sitelift/playbook/action-catalogue.ts';
import type { Action, ActionContext, ObserveResult, Outcome } from './drivers/driver.ts';
import type { FindAction } from './engine/action-runner.ts';
import type { Bind } from './upgrades/freeze-plan.ts';

interface Site {
  open: boolean;
  slot: string;
  /** What runs on each side. */
  readonly running: Map<string, string | null>;
  /** Which version's schema the database has. */
  schema: string;
  staged: boolean;
}

const inputSchema = z.record(z.string(), z.json());
type Context = ActionContext<unknown, Record<string, unknown>>;

export class FakeSites {
  readonly sites = new Map<string, Site>();
  /** Every effect, `<site> <action>`. */
  readonly effects: string[] = [];
  /** Called before an effect; may answer in its place. */
  before: (site: string, action: string, context: Context) => Promise<Outcome | undefined> = async () =>
    undefined;

  add(slug: string, version: string): void {
    const running = new Map<string, string | null>([
      ['blue', version],
      ['green', null],
    ]);
    this.sites.set(slug, { open: true, slot: 'blue', running, schema: version, staged: false });
  }

  site(slug: string): Site {
    const site = this.sites.get(slug);
    if (site === undefined) throw new Error(`there is no site ${slug}`);
    return site;
  }

  readonly bind: Bind = (bindings, action) =>
    (action.split('/')[0] ?? '') in bindings
      ? { driver: 'fake', config: {} }
      : { problem: `nothing is bound for ${action}` };

  readonly findAction: FindAction = (driver, name) => {
    const flags = ACTION_CATALOGUE.get(name);
    if (driver !== 'fake' || flags === undefined) return undefined;
    const action: Action<unknown, Record<string, unknown>> = {
      inputSchema,
      capabilities: [],
      flags,
      describe: () => name,
      observe: async (context) => this.observe(name, context),
      apply: async (context) => {
        const slug = context.target.instance.slug;
        const instead = await this.before(slug, name, context);
        if (instead !== undefined) return instead;
        if (flags.mutates || name === 'database/backup') this.effects.push(`${slug} ${name}`);
        return this.apply(name, context);
      },
    };
    return { action: action as Action, parseConfig: (config) => config }; // as: the input was parsed before
  };

  private slotOf({ target, input }: Context, word = input['slot']): string {
    return (word === 'staging' ? target.slots?.staging : target.slots?.live) ?? '';
  }

  private versionOf({ target, input }: Context): string {
    return input['version'] === 'from' ? target.from.version : target.to.version;
  }

  private observe(name: string, context: Context): ObserveResult {
    const site = this.site(context.target.instance.slug);
    const { from, to } = context.target;
    const wanted: Readonly<Record<string, () => boolean>> = {
      'app/stage': () => site.staged,
      'app/unstage': () => !site.staged,
      'app/start': () => site.running.get(this.slotOf(context)) === this.versionOf(context),
      'app/stop': () => site.running.get(this.slotOf(context)) === null,
      'proxy/close': () => !site.open,
      'proxy/open': () => site.open,
      'proxy/switch': () => site.slot === this.slotOf(context, context.input['to']),
      'database/migrate': () => site.schema === to.version,
      'database/restore': () => site.schema === from.version,
    };
    const is = wanted[name];
    if (is === undefined) return { state: 'cannot-tell', reason: `${name} leaves no trace` };
    return is()
      ? { state: 'applied', facts: {} }
      : { state: 'not-applied', facts: {}, differs: `${name} was not done` };
  }

  private apply(name: string, context: Context): Outcome {
    const site = this.site(context.target.instance.slug);
    const { from, to } = context.target;
    const done = (output: JsonObject = {}): Outcome => ({ kind: 'done', output });
    switch (name) {
      case 'app/stage':
      case 'app/unstage':
        site.staged = name === 'app/stage';
        return done();
      case 'app/start':
        site.running.set(this.slotOf(context), this.versionOf(context));
        return done();
      case 'app/stop':
        site.running.set(this.slotOf(context), null);
        return done();
      case 'proxy/close':
      case 'proxy/open':
        site.open = name === 'proxy/open';
        return done();
      case 'proxy/switch':
        site.slot = this.slotOf(context, context.input['to']);
        return done();
      case 'proxy/probe':
        return done({ open: site.open, slot: site.slot });
      case 'database/migrate':
        site.schema = to.version;
        return done();
      case 'database/restore':
        site.schema = from.version;
        return done();
      case 'database/backup':
      case 'database/prove': {
        const { backup } = context.target;
        const backupId = backup?.backupId ?? context.newBackupId();
        const grade = name === 'database/backup' ? 'written' : 'restored';
        return { kind: 'done', backup: { backupId, grade, begunAt: context.nowMs(), bytes: 1 } };
      }
      case 'app/probe':
        return this.probe(site, context);
      default:
        return { kind: 'failed', reason: `no fake for ${name}` };
    }
  }

  private probe(site: Site, context: Context): Outcome {
    const version = site.running.get(this.slotOf(context)) ?? null;
    if (version === null) return { kind: 'failed', reason: 'nothing answers' };
    const writes = context.input['write'] !== false;
    const writeOk = writes ? site.schema === version : null;
    const observed = { version, healthy: true, writeOk, problem: null };
    return writeOk === false
      ? { kind: 'failed', reason: 'a write was refused', observed }
      : { kind: 'done', observed };
  }
}
