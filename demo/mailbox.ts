/**
 * The demo's mail server: real SMTP on loopback, every mail kept as a file under `<data>/demo/mail`, nothing sent anywhere.
 * It runs inside the demo's own process; a notice that comes while it is down waits in the outbox.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';

export interface Mailbox {
  /** For SITELIFT_SMTP_URL. */
  readonly url: string;
  readonly directory: string;
  /** How many mails lie in it, those of earlier starts included. */
  count(): Promise<number>;
  stop(): Promise<void>;
}

async function read(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

export async function startMailbox(root: string): Promise<Mailbox> {
  const directory = join(root, 'mail');
  await mkdir(directory, { recursive: true });
  let received = (await readdir(directory)).length;
  /** Null once the mail is on disk, else what stood against it: the sender then tries again. */
  const keep = async (stream: NodeJS.ReadableStream): Promise<Error | null> => {
    try {
      const mail = await read(stream);
      received += 1;
      await writeFile(join(directory, `${String(received).padStart(4, '0')}.eml`), mail);
      return null;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData: (stream, _session, answer) => {
      void keep(stream).then(answer);
    },
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  // After it listens an error of one connection (a client that went away) must not end the demo.
  server.on('error', () => {});
  const { port } = server.server.address() as AddressInfo; // as: it listens on TCP
  return {
    url: `smtp://127.0.0.1:${port}`,
    directory,
    count: async () => (await readdir(directory)).length,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}
