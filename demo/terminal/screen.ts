/**
 * A piece of the terminal that is drawn again in place. Without a terminal (a pipe, CI) nothing is drawn over: each line
 * that changed is printed once, so a log file reads as the story of the night.
 */
import { stripVTControlCharacters } from 'node:util';
import { fit } from '@sitelift/cli/terminal.ts';

export interface Screen {
  /** Replaces what was drawn last. */
  draw(lines: readonly string[]): void;
  /** Prints above what is drawn, for good. */
  say(line: string): void;
  /** Leaves the last drawing where it is. */
  close(): void;
}

export function terminalScreen(out: NodeJS.WriteStream): Screen {
  let drawn = 0;
  let last: readonly string[] = [];
  const erase = (): string => (drawn === 0 ? '' : `\u001b[${drawn}A\u001b[0J`);
  return {
    draw: (lines) => {
      // A wrapped line would break the counting of lines.
      const fitted = lines.map((line) => fit(line, out.columns ?? 120));
      out.write(`${erase()}${fitted.join('\n')}\n`);
      drawn = fitted.length;
      last = fitted;
    },
    say: (line) => {
      out.write(`${erase()}${line}\n`);
      drawn = 0;
      if (last.length > 0) {
        out.write(`${last.join('\n')}\n`);
        drawn = last.length;
      }
    },
    close: () => {
      drawn = 0;
      last = [];
    },
  };
}

export function lineScreen(write: (line: string) => void): Screen {
  const told = new Set<string>();
  return {
    draw: (lines) => {
      for (const line of lines) {
        // Seconds that tick are no news.
        const news = stripVTControlCharacters(line)
          .replaceAll(/\d+ (s|min|h)( left)?|overdue/g, '')
          .replaceAll(/\s+/g, ' ')
          .trim();
        if (news === '' || told.has(news)) continue;
        told.add(news);
        write(stripVTControlCharacters(line));
      }
    },
    say: write,
    close: () => {},
  };
}
