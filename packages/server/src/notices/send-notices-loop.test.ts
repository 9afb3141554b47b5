import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { SMTPServer } from 'smtp-server';
import { saveNotice } from '../db/outbox-store.ts';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';
import { createNoticeSender, type NoticeSender } from './send-notice.ts';
import { retryPauseMs, sendNoticesOnce } from './send-notices-loop.ts';

/** A real SMTP server; `refuse` answers a recipient with a code instead of taking it. */
class MailHost {
  readonly taken: string[] = [];
  readonly refuse = new Map<string, number>();
  /** Breaks the connection after the whole message was taken and before saying so. */
  hangUp = false;
  readonly server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onRcptTo: (address, _session, done) => {
      const code = this.refuse.get(address.address);
      if (code === undefined) done();
      else done(Object.assign(new Error('no'), { responseCode: code }));
    },
    onData: (stream, session, done) => {
      let text = '';
      stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
      stream.on('end', () => {
        this.taken.push(text);
        if (!this.hangUp) return done();
        this.hangUp = false;
        this.server.connections.forEach((connection) => connection.close());
        return undefined;
      });
    },
  });

  async listen(): Promise<string> {
    const listening = this.server.listen(0, '127.0.0.1');
    await once(listening, 'listening');
    const { port } = listening.address() as AddressInfo; // as: a TCP server's address is never a path
    return `smtp://127.0.0.1:${port}`;
  }
}

let test: TestDatabase;
let host: MailHost;
let sender: NoticeSender;

beforeEach(async () => {
  test = await createTestDatabase();
  host = new MailHost();
  sender = createNoticeSender(await host.listen(), 'Sitelift <night@vendor.test>');
});
afterEach(async () => {
  sender.close();
  await new Promise<void>((resolve) => host.server.close(resolve));
  await test.drop();
});

async function queue(recipient: string): Promise<void> {
  await test.db.transaction().execute((tx) =>
    saveNotice(tx, {
      key: `x/${recipient}`,
      event: 'upgrade-done',
      recipient,
      customerId: null,
      runId: null,
      subject: 'north-live: upgraded to 5.12.8',
      body: 'It is open again.\nRegards',
    }),
  );
}

async function states(): Promise<Record<string, string>> {
  const { rows } = await sql<{
    recipient: string;
    state: string;
  }>`select recipient, state from notice`.execute(test.db);
  return Object.fromEntries(rows.map((row) => [row.recipient, row.state]));
}

function messageIds(): (string | undefined)[] {
  return host.taken.map((text) => /^message-id: (\S+)/im.exec(text)?.[1]);
}

describe('the outbox over real SMTP', () => {
  it('sends each notice once, as plain text, under a Message-ID made of its id', async () => {
    await queue('ops@north.test');
    expect(await sendNoticesOnce(test.db, sender)).toEqual({ sent: 1, later: 0, undeliverable: 0 });
    expect(await sendNoticesOnce(test.db, sender)).toEqual({ sent: 0, later: 0, undeliverable: 0 });
    expect(host.taken[0]).toContain('Subject: north-live: upgraded to 5.12.8');
    expect(host.taken[0]).toContain('It is open again.');
    expect(host.taken[0]).toContain('Auto-Submitted: auto-generated');
    const { rows } = await sql<{ id: string }>`select id from notice`.execute(test.db);
    expect(messageIds()).toEqual([`<${rows[0]?.id ?? ''}@vendor.test>`]);
  });

  it('tries a temporary refusal again later, and marks a 550 undeliverable; the others are sent', async () => {
    host.refuse.set('full@north.test', 452).set('gone@north.test', 550);
    for (const recipient of ['full@north.test', 'gone@north.test', 'ops@north.test']) await queue(recipient);
    expect(await sendNoticesOnce(test.db, sender)).toEqual({ sent: 1, later: 1, undeliverable: 1 });
    expect(await states()).toEqual({
      'full@north.test': 'queued',
      'gone@north.test': 'undeliverable',
      'ops@north.test': 'sent',
    });
    host.refuse.clear();
    expect(await sendNoticesOnce(test.db, sender)).toMatchObject({ sent: 0 });
    await test.skipTime(retryPauseMs(1) + 1);
    expect(await sendNoticesOnce(test.db, sender)).toMatchObject({ sent: 1 });
    expect(await states()).toMatchObject({ 'full@north.test': 'sent', 'gone@north.test': 'undeliverable' });
  });

  it('keeps everything queued while the server is away, asking it once per pass', async () => {
    await queue('a@north.test');
    await queue('b@north.test');
    let asked = 0;
    const away = createNoticeSender('smtp://127.0.0.1:1', 'night@vendor.test');
    const counting = {
      ...away,
      send: (notice: Parameters<typeof away.send>[0]) => ((asked += 1), away.send(notice)),
    };
    expect(await sendNoticesOnce(test.db, counting)).toEqual({ sent: 0, later: 2, undeliverable: 0 });
    expect(asked).toBe(1);
    await test.skipTime(retryPauseMs(1) + 1);
    expect(await sendNoticesOnce(test.db, sender)).toMatchObject({ sent: 2 });
  });

  it('sends again under the same Message-ID when nobody knows whether it was taken', async () => {
    host.hangUp = true;
    await queue('ops@north.test');
    expect(await sendNoticesOnce(test.db, sender)).toMatchObject({ sent: 0, later: 1 });
    await test.skipTime(retryPauseMs(1) + 1);
    expect(await sendNoticesOnce(test.db, sender)).toMatchObject({ sent: 1 });
    const [first, second] = messageIds();
    expect(second).toBe(first);
    expect(first).toBeDefined();
  });

  it('comes back by itself when its sender died with it', async () => {
    await queue('ops@north.test');
    const dying: NoticeSender = { send: () => new Promise(() => {}), close: () => {} };
    void sendNoticesOnce(test.db, dying);
    await expect
      .poll(async () => (await sql`select 1 from notice where attempts = 1`.execute(test.db)).rows.length)
      .toBe(1);
    expect(await sendNoticesOnce(test.db, sender)).toMatchObject({ sent: 0 });
    await test.skipTime(121_000);
    expect(await sendNoticesOnce(test.db, sender)).toMatchObject({ sent: 1 });
  });

  it('gives up after three days of tries', async () => {
    host.refuse.set('full@north.test', 452);
    await queue('full@north.test');
    await sql`update notice set attempts = 77`.execute(test.db);
    expect(await sendNoticesOnce(test.db, sender)).toMatchObject({ undeliverable: 1 });
    expect(await states()).toEqual({ 'full@north.test': 'undeliverable' });
  });
});
