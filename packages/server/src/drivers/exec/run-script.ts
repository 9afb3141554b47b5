/** Runs one command of the vendor's for one attempt: environment, secrets, the file that carries its output back. */
import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { z } from 'zod';
import type { Json, JsonObject } from '../driver.ts';
import { runProcessGroup, type GroupEnd } from '../process-group.ts';
import type { Argv } from './config.ts';
import { scriptEnvironment, type ExecContext } from './script-environment.ts';

/** An output goes into the journal; whoever has more to say has files of his own. */
const MAX_OUTPUT_BYTES = 64 * 1024;
/** Shorter values would blot out half of every text. */
const MIN_SECRET_CHARS = 4;
/** Of the last line of its error output, which is where scripts say what went wrong; all of it is in the log. */
const MAX_SAID_CHARS = 300;
/** What comes after the message in a stack trace says nothing to a person. */
const NOT_SAID = /^(\s|\}|Node\.js v\d|$)/;

const outputSchema = z.record(z.string(), z.json());

export interface ScriptEnd {
  readonly end: GroupEnd;
  /** What the script wrote; empty when it wrote nothing. A string tells what was wrong with it. */
  readonly output: JsonObject | string;
  /** The last line of its error output; empty when there was none. */
  readonly said: string;
}

function blotOut(text: string, secrets: readonly string[]): string {
  return secrets.reduce((left, secret) => left.replaceAll(secret, '•••'), text);
}

function withoutSecrets(value: Json, secrets: readonly string[]): Json {
  if (typeof value === 'string') return blotOut(value, secrets);
  if (Array.isArray(value)) return value.map((item: Json) => withoutSecrets(item, secrets));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutSecrets(item, secrets)]));
}

async function readOutput(path: string, secrets: readonly string[]): Promise<JsonObject | string> {
  let text: string;
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(
        Buffer.alloc(MAX_OUTPUT_BYTES + 1),
        0,
        MAX_OUTPUT_BYTES + 1,
        0,
      );
      if (bytesRead > MAX_OUTPUT_BYTES)
        return `SITELIFT_OUTPUT holds more than ${MAX_OUTPUT_BYTES / 1024} KiB`;
      text = buffer.subarray(0, bytesRead).toString('utf8');
    } finally {
      await file.close();
    }
  } catch {
    return {};
  }
  if (text.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'SITELIFT_OUTPUT holds no JSON';
  }
  const parsed = outputSchema.safeParse(value);
  if (!parsed.success) return 'SITELIFT_OUTPUT holds JSON that is no object';
  return withoutSecrets(parsed.data, secrets) as JsonObject; // as: an object goes in, an object comes out
}

/** Opens the secrets first: when one cannot be opened nothing has been started. */
export async function runScript(context: ExecContext, action: string, argv: Argv): Promise<ScriptEnd> {
  const { config, stepId, attempt, fence } = context;
  const secrets: Record<string, string> = {};
  for (const [variable, name] of Object.entries(config.secrets)) {
    try {
      secrets[variable] = await context.secret(name);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return {
        end: { kind: 'not-started', reason: `secret ${name} cannot be opened: ${why}` },
        output: {},
        said: '',
      };
    }
  }
  // Looks at several sites at once share directory, step, attempt and fence: a name of their own, or one reads what another saw.
  const name = `output-${stepId.replaceAll(/[^A-Za-z0-9-]/g, '_')}-${attempt}-${fence}-${randomUUID()}.json`;
  const outputPath = join(context.workDir, name);
  let said = '';
  try {
    const end = await runProcessGroup({
      argv,
      cwd: resolve(config.cwd ?? '.'),
      env: { ...scriptEnvironment(context, action, outputPath), ...secrets },
      signal: context.signal,
      timeLimitMs: context.timeoutMs,
      log: {
        line: (stream, text) => {
          if (stream === 'err' && !NOT_SAID.test(text)) said = text;
          context.log.line(stream, text);
        },
      },
      processStarted: context.processStarted,
    });
    await context.processEnded?.();
    const values = Object.values(secrets).filter((value) => value.length >= MIN_SECRET_CHARS);
    const plain = blotOut(stripVTControlCharacters(said).trim(), values);
    return { end, output: await readOutput(outputPath, values), said: plain.slice(0, MAX_SAID_CHARS) };
  } finally {
    await rm(outputPath, { force: true });
  }
}
