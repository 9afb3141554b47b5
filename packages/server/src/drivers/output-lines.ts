/**
 * Cuts a stream of bytes into lines for the log. A line without an end cannot eat the memory: past a bound the rest of it is
 * counted and left out. Bytes that are not UTF-8 become U+FFFD; a carriage return ends a line too (progress bars).
 */
const MAX_LINE_CHARS = 8_192;

export interface OutputLines {
  chunk(bytes: Uint8Array): void;
  /** Emits what came without a last line end. */
  end(): void;
}

export function outputLines(emit: (line: string) => void): OutputLines {
  const decoder = new TextDecoder('utf-8', { fatal: false });
  let line = '';
  let leftOut = 0;
  const add = (text: string): void => {
    const room = MAX_LINE_CHARS - line.length;
    line += text.slice(0, room);
    leftOut += Math.max(0, text.length - room);
  };
  const finish = (): void => {
    emit(leftOut > 0 ? `${line}… (${leftOut} characters more)` : line);
    line = '';
    leftOut = 0;
  };
  const take = (text: string): void => {
    const parts = text.split(/\r\n|\n|\r(?!$)/);
    const last = parts.pop() ?? '';
    for (const part of parts) {
      add(part);
      finish();
    }
    add(last);
  };
  return {
    chunk: (bytes) => take(decoder.decode(bytes, { stream: true })),
    end: () => {
      take(decoder.decode());
      if (line !== '' || leftOut > 0) finish();
    },
  };
}
