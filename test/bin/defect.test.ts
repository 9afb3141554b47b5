/** A defect of ours is one readable line, wherever it comes from; the stack is for who asks for it. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../bin/main.ts', import.meta.url));
/** Put into the process before ours: the two ways in which a defect comes up. */
const THROWN = 'process.argv.slice = () => { throw new Error("no\\n  way", { cause: new Error("deeper") }) }';
const UNAWAITED = 'setImmediate(() => { void Promise.reject(new Error("no\\n  way")) })';

async function stderrOf(preload: string, level?: string): Promise<{ lines: string[]; code: number | null }> {
  const url = `data:text/javascript,${encodeURIComponent(preload)}`;
  const child = spawn(process.execPath, ['--import', url, MAIN, 'serve', '--help'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', ...(level === undefined ? {} : { SITELIFT_LOG_LEVEL: level }) },
  });
  const code = new Promise<number | null>((done) => child.on('close', done));
  return { lines: (await text(child.stderr)).trimEnd().split('\n'), code: await code };
}

describe.each([
  ['that is thrown', THROWN],
  ['that nobody waits for', UNAWAITED],
])('a defect %s', (_, preload) => {
  it('is one line that asks for a report', async () => {
    const { lines, code } = await stderrOf(preload);
    expect(lines).toEqual([
      'sitelift: a defect of Sitelift: no way (please report it, with what you did and what SITELIFT_LOG_LEVEL=debug prints)',
    ]);
    expect(code).toBe(1);
  });

  it.each(['debug', 'trace'])('has its stack at the level %s', async (level) => {
    const { lines, code } = await stderrOf(preload, level);
    expect(lines[0]).toMatch(
      /^sitelift: a defect of Sitelift: no way \(please report it, .* the lines below\)$/,
    );
    expect(lines.join('\n')).toMatch(/\n +at /);
    expect(code).toBe(1);
  });
});

it('what led to a defect is in its stack', async () => {
  expect((await stderrOf(THROWN, 'debug')).lines.join('\n')).toContain('deeper');
});
