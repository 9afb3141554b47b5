/**
 * Sends one notice over SMTP and says what became of it. SMTP has no "exactly once": a connection that breaks after the last
 * dot leaves it open whether the message was taken. So a notice may go out twice, always under the same Message-ID (made of
 * its id), by which mailboxes and people recognise the second one.
 */
import { createTransport, type Transporter } from 'nodemailer';
import type { DueNotice } from '../db/outbox-store.ts';

export type Delivery =
  | { readonly kind: 'sent' }
  /** This recipient or message will never be taken: the server said 5xx to it. */
  | { readonly kind: 'undeliverable'; readonly reason: string }
  /** Try again later. `serverAway`: nothing to do with this notice, so the others need not be tried now. */
  | { readonly kind: 'later'; readonly reason: string; readonly serverAway: boolean };

export interface NoticeSender {
  send(notice: DueNotice): Promise<Delivery>;
  close(): void;
}

/** All limits of a dialogue together stay below the outbox's claim (120 s), so no other sender takes it up meanwhile. */
const CONNECT_LIMIT_MS = 15_000;
const SILENCE_LIMIT_MS = 60_000;

/** Verdicts on the recipient or the message. A 5xx to MAIL FROM or AUTH is our configuration, not this notice. */
const ABOUT_THE_NOTICE = new Set(['RCPT TO', 'DATA']);

interface SmtpFailure {
  readonly message: string;
  readonly responseCode: number | null;
  readonly command: string | null;
}

function failureOf(error: unknown): SmtpFailure {
  const message = error instanceof Error ? error.message : String(error);
  const parts = typeof error === 'object' && error !== null ? error : {};
  const code = 'responseCode' in parts ? parts.responseCode : null;
  const command = 'command' in parts ? parts.command : null;
  return {
    message,
    responseCode: typeof code === 'number' ? code : null,
    command: typeof command === 'string' ? command : null,
  };
}

function deliveryOf(error: unknown): Delivery {
  const { message, responseCode, command } = failureOf(error);
  const aboutIt = command !== null && ABOUT_THE_NOTICE.has(command) && responseCode !== null;
  if (aboutIt && responseCode >= 500) return { kind: 'undeliverable', reason: message };
  return { kind: 'later', reason: message, serverAway: !aboutIt };
}

/** `smtp[s]://user:password@host:port`; `from` is the address that all notices carry. */
export function createNoticeSender(smtpUrl: string, from: string): NoticeSender {
  const transport: Transporter = createTransport({
    url: smtpUrl,
    connectionTimeout: CONNECT_LIMIT_MS,
    greetingTimeout: CONNECT_LIMIT_MS,
    socketTimeout: SILENCE_LIMIT_MS,
    // The text is data: it may not make us read files or fetch addresses.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const domain = from.slice(from.lastIndexOf('@') + 1).replace(/>$/, '') || 'sitelift.invalid';
  return {
    send: async (notice) => {
      try {
        await transport.sendMail({
          from,
          to: { name: '', address: notice.recipient },
          subject: notice.subject,
          text: notice.body,
          messageId: `<${notice.id}@${domain}>`,
          // RFC 3834: nobody's absence notice should answer us.
          headers: { 'Auto-Submitted': 'auto-generated' },
        });
        return { kind: 'sent' };
      } catch (error) {
        return deliveryOf(error);
      }
    },
    close: () => transport.close(),
  };
}
