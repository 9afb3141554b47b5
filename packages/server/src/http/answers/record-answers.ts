/** Health, the audit trail, and the names of secrets. */
import { Problem } from '@sitelift/contract/problems.ts';
import type { SecretSchema } from '@sitelift/contract/views.ts';
import { sql } from 'kysely';
import type { z } from 'zod';
import { decisionNow } from '../../db/clock.ts';
import { verifyEventChain } from '../../db/event-store.ts';
import { listEvents } from '../../views/audit-views.ts';
import type { Answers } from '../answer.ts';
import { invalidField } from '../check-input.ts';
import type { HttpDeps, SecretRow } from '../http-deps.ts';

type RecordAnswers = Pick<Answers, 'health' | 'listEvents' | 'verifyEvents' | 'setSecret' | 'listSecrets'>;

function secretView({ createdAt, ...row }: SecretRow): z.output<typeof SecretSchema> {
  return { ...row, createdAt: new Date(createdAt).toISOString() };
}

export function recordAnswers({ db, settings, secrets }: HttpDeps): RecordAnswers {
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
      const { customer } = body;
      let customerId: string | null = null;
      if (customer !== undefined) {
        const { rows } = await sql<{ id: string }>`
          select id from customer where slug = ${customer} and removed_at is null`.execute(db);
        const [row] = rows;
        if (row === undefined) throw invalidField('/customer', 'there is no such customer');
        customerId = row.id;
      }
      const { actor } = caller;
      const result = await secrets.set({ actor, customerId, name: params.name, value: body.value });
      if ('problem' in result) throw new Problem('secret-unmaskable', { detail: result.problem });
      return secretView(result.secret);
    },
    listSecrets: async () => ({ secrets: (await secrets.list()).map(secretView) }),
  };
}
