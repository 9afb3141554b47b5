/** Health, the audit trail, and the names of secrets. */
import { Problem } from '@sitelift/contract/problems.ts';
import type { SecretSchema } from '@sitelift/contract/views.ts';
import { sql } from 'kysely';
import type { z } from 'zod';
import { decisionNow } from '../../db/clock.ts';
import { verifyEventChain } from '../../db/event-store.ts';
import { listEvents } from '../views/audit-views.ts';
import { VENDOR_SCOPE } from '../../secrets/secret-store.ts';
import type { Answers } from '../answer.ts';
import { invalidField } from '../check-input.ts';
import type { HttpDeps } from '../http-deps.ts';

type RecordAnswers = Pick<Answers, 'health' | 'listEvents' | 'verifyEvents' | 'setSecret' | 'listSecrets'>;

type SecretView = z.output<typeof SecretSchema>;

interface ListedSecret {
  /** `''` for the vendor, or a customer's id. */
  readonly of: string;
  readonly view: SecretView;
}

async function listSecretViews({ db, secrets }: HttpDeps): Promise<readonly ListedSecret[]> {
  const { rows } = await sql<{ id: string; slug: string }>`select id, slug from customer`.execute(db);
  const slugs = new Map(rows.map((row) => [row.id, row.slug]));
  return (await secrets.list()).map(({ scope, name, version, fingerprint, createdAt, createdBy }) => ({
    of: scope,
    view: {
      scope: scope === VENDOR_SCOPE ? 'vendor' : (slugs.get(scope) ?? scope),
      name,
      version,
      fingerprint,
      createdAt: createdAt.toISOString(),
      createdBy,
    },
  }));
}

export function recordAnswers(deps: HttpDeps): RecordAnswers {
  const { db, settings, secrets } = deps;
  return {
    health: async () => {
      const { version, mail, demo } = settings;
      // Whoever asks for health wants to hear that the database is away, not a problem about it.
      const now = await decisionNow(db).catch(() => null);
      return {
        status: now === null ? 'unavailable' : 'ok',
        version,
        now: now === null ? null : new Date(now).toISOString(),
        mail,
        demo,
      };
    },
    listEvents: async ({ query }) => {
      const { object = null, customer = null, limit, before = null } = query;
      return { events: await listEvents(db, { object, customer, limit, before }) };
    },
    verifyEvents: async () => {
      const verdict = await verifyEventChain(db);
      if (verdict.intact) return { intact: true, events: verdict.events, problem: null };
      const chain = verdict.chain === '' ? 'the vendor’s chain' : `the chain of ${verdict.chain}`;
      return {
        intact: false,
        events: verdict.seq - 1,
        problem: `${chain}, event ${verdict.seq}: ${verdict.problem}`,
      };
    },
    setSecret: async ({ params, body, caller }) => {
      let scope = VENDOR_SCOPE;
      if (body.customer !== undefined) {
        const { rows } = await sql<{ id: string }>`
          select id from customer where slug = ${body.customer} and removed_at is null`.execute(db);
        const [row] = rows;
        if (row === undefined) throw invalidField('/customer', 'there is no such customer');
        scope = row.id;
      }
      const { name } = params;
      const result = await secrets.set({ actor: caller.actor, scope, name, value: body.value });
      if (result.kind === 'refused') {
        if (result.code === 'secret-unmaskable') throw new Problem(result.code, { reasons: result.reasons });
        throw invalidField('path/name', result.reasons.join('; '));
      }
      const stored = await listSecretViews(deps);
      const mine = stored.find((each) => each.of === scope && each.view.name === name);
      if (mine === undefined) throw new Error('a secret that was just set is not listed');
      return mine.view;
    },
    listSecrets: async () => ({ secrets: (await listSecretViews(deps)).map(({ view }) => view) }),
  };
}
