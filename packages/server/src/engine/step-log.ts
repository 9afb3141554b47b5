/**
 * The live log of one attempt: redacted before anything is stored, bounded (head, tail and a count of what was left out:
 * I-42), and never in the way of the step: lines are buffered and written in batches; a write that fails is told in the
 * end and changes no outcome.
 */
import type { LogSink } from '../drivers/driver.ts';

/** Kept from the start of the output, lines. */
const HEAD_LINES = 4_000;
/** Kept from its end, lines. */
const TAIL_LINES = 1_000;
/** Longer lines are cut, characters. */
const LINE_CHARS = 4_000;
/** How often the buffer is written, milliseconds: what a person watching sees as live. */
const FLUSH_EVERY_MS = 250;

export interface LogLine {
  readonly line: number;
  readonly stream: 'out' | 'err' | 'note';
  readonly text: string;
}

export interface StepLog extends LogSink {
  /** Writes what is buffered, the tail, and how much was left out. Never rejects. */
  close(): Promise<void>;
}

/** Control characters other than tab: terminals act on them, people cannot see them. ANSI sequences go as a whole. */
const INVISIBLE =
  // oxlint-disable-next-line no-control-regex
  /\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007]*(?:\u0007|\u001b\\)|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

export function openStepLog(
  write: (lines: readonly LogLine[]) => Promise<void>,
  redact: (text: string) => string,
): StepLog {
  let nextLine = 1;
  let buffer: LogLine[] = [];
  let tail: LogLine[] = [];
  let leftOut = 0;
  let writing: Promise<void> = Promise.resolve();
  let failed: string | null = null;

  const flush = (): void => {
    if (buffer.length === 0) return;
    const batch = buffer;
    buffer = [];
    writing = writing
      .then(() => write(batch))
      .catch((error: unknown) => {
        failed = error instanceof Error ? error.message : String(error);
      });
  };
  const timer = setInterval(flush, FLUSH_EVERY_MS);

  const line = (stream: LogLine['stream'], raw: string): void => {
    const clean = redact(raw).replaceAll(INVISIBLE, '');
    const text =
      clean.length > LINE_CHARS
        ? `${clean.slice(0, LINE_CHARS)}… (${clean.length - LINE_CHARS} characters more)`
        : clean;
    const entry = { line: nextLine++, stream, text };
    if (entry.line <= HEAD_LINES) {
      buffer.push(entry);
      return;
    }
    tail.push(entry);
    if (tail.length > 2 * TAIL_LINES) {
      leftOut += tail.length - TAIL_LINES;
      tail = tail.slice(-TAIL_LINES);
    }
  };

  return {
    line,
    close: async () => {
      clearInterval(timer);
      if (tail.length > TAIL_LINES) {
        leftOut += tail.length - TAIL_LINES;
        tail = tail.slice(-TAIL_LINES);
      }
      const [first] = tail;
      if (leftOut > 0 && first !== undefined) {
        buffer.push({ line: first.line - 1, stream: 'note', text: `… ${leftOut} lines left out …` });
      }
      buffer.push(...tail);
      tail = [];
      flush();
      await writing;
      if (failed !== null) {
        await write([
          { line: nextLine, stream: 'note', text: `part of the log could not be stored: ${failed}` },
        ]).catch(() => {});
      }
    },
  };
}
