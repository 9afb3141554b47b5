/** Runs `npm start -- --once --json` as a user would, as a process of its own that a test may kill. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createClient, type Client } from '@sitelift/contract/client.ts';

export const REPOSITORY = resolve(import.meta.dirname, '../..');

export interface DemoRun {
  readonly child: ChildProcess;
  readonly ended: Promise<{
    readonly code: number | null;
    readonly lastLine: string;
    readonly output: string;
  }>;
  /** The API of this very process: waits until it has left its token. */
  client(signal: AbortSignal): Promise<Client>;
}

export function startDemoProcess(dataDir: string, env: Readonly<Record<string, string>>): DemoRun {
  const child = spawn(join(REPOSITORY, 'bin/sitelift'), ['start', '--once', '--json'], {
    cwd: REPOSITORY,
    env: { ...process.env, ...env, SITELIFT_DATA_DIR: dataDir, DATABASE_URL: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let out = '';
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<Awaited<DemoRun['ended']>>((done) => {
    child.once('close', (code) => done({ code, lastLine: out.trimEnd().split('\n').at(-1) ?? '', output }));
  });
  const startedAt = Date.now();
  return {
    child,
    ended,
    client: async (signal) => {
      for (;;) {
        signal.throwIfAborted();
        const text = await readFile(join(dataDir, 'local-token'), 'utf8').catch(() => null);
        if (text !== null) {
          const { url, token } = JSON.parse(text) as { url: string; token: string }; // as: written by the server
          const client = createClient({ baseUrl: url, token });
          const isUp = await fetch(`${url}/api/v1/session`, {
            headers: { authorization: `Bearer ${token}` },
          }).then(
            (answer) => answer.ok,
            () => false,
          );
          if (isUp) return client;
        }
        if (child.exitCode !== null)
          throw new Error(`the demo ended after ${Date.now() - startedAt} ms: ${output}`);
        await new Promise((done) => setTimeout(done, 50));
      }
    },
  };
}
