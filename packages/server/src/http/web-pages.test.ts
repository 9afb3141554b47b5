import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';
import { sampleDeps, startSampleServer, type SampleServer } from './sample-server.ts';

let test: TestDatabase;
let webDir: string;
let sample: SampleServer;

const INDEX = '<meta property="csp-nonce" content="__CSP_NONCE__" nonce="__CSP_NONCE__" />';

beforeAll(async () => {
  test = await createTestDatabase();
  webDir = await mkdtemp(join(tmpdir(), 'sitelift-web-'));
  await mkdir(join(webDir, 'assets'));
  await writeFile(join(webDir, 'index.html'), INDEX);
  await writeFile(join(webDir, 'theme.js'), 'theme');
  await writeFile(join(webDir, 'assets/index-abc.js'), 'bundle');
  const { settings } = sampleDeps(test.db, []);
  sample = await startSampleServer(test.db, { settings: { ...settings, webDir } });
});
afterAll(async () => {
  await sample.server.stop();
  await test.drop();
  await rm(webDir, { recursive: true, force: true });
});

async function pageAt(
  path: string,
): Promise<{ readonly answer: Response; readonly nonces: readonly string[] }> {
  const answer = await sample.send('GET', path, { accept: 'text/html' });
  const inPolicy = /style-src 'self' 'nonce-([^']+)'/.exec(
    answer.headers.get('content-security-policy') ?? '',
  );
  const inPage = [...(await answer.text()).matchAll(/(?:content|nonce)="([^"]+)"/g)].map(
    ([, found]) => found,
  );
  return { answer, nonces: [inPolicy?.[1], ...inPage].map((found) => found ?? '') };
}

describe('the page of the console', () => {
  it.each(['/', '/fleet', '/runs/run_1', '/index.html'])(
    'names at %s the nonce of its own policy, fresh each time, and is not kept',
    async (path) => {
      const [first, second] = [await pageAt(path), await pageAt(path)];
      for (const { answer, nonces } of [first, second]) {
        expect(answer.status).toBe(200);
        expect(answer.headers.get('cache-control')).toBe('no-store');
        expect(nonces).toHaveLength(3);
        expect(new Set(nonces).size).toBe(1);
        expect(Buffer.from(nonces[0] ?? '', 'base64')).toHaveLength(16);
      }
      expect(first.nonces[0]).not.toBe(second.nonces[0]);
    },
  );

  it('never goes out with the place of the nonce empty, whatever is asked for', async () => {
    const answer = await sample.send('GET', '/index.html', { accept: '*/*' });
    expect(answer.status).toBe(404);
    expect(await answer.text()).not.toContain('__CSP_NONCE__');
  });

  it('lets bundles be kept for ever, and nothing that has no hash in its name', async () => {
    const bundle = await sample.send('GET', '/assets/index-abc.js');
    expect([bundle.status, bundle.headers.get('cache-control')]).toEqual([
      200,
      'public, max-age=31536000, immutable',
    ]);
    expect((await sample.send('GET', '/theme.js')).headers.get('cache-control')).toBe('no-cache');
  });

  it('lets no script in by the nonce', async () => {
    const { answer } = await pageAt('/');
    expect(answer.headers.get('content-security-policy')).toContain("script-src 'self';");
  });
});
