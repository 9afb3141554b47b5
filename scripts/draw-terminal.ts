/**
 * What a terminal showed, as an SVG that plays it. A line is drawn once for each time that it changed and is visible until
 * it changes again, so two minutes fit into some dozen kilobytes; whoever does not animate sees the last drawing. Every
 * piece of text has its own place: a glyph of another width cannot push the columns apart.
 */
export interface Frame {
  /** Since the start of the recording. */
  readonly atMs: number;
  /** With ANSI colours. */
  readonly lines: readonly string[];
}

const CELL = { width: 7.8, height: 20, size: 13 } as const;
const PAD = { x: 20, top: 44, bottom: 16 } as const;
/** So many times faster than it was; drawings closer together than this are left out; the end stays for a while. */
const SPEED = 6;
const MIN_GAP_MS = 1_900;
const REST_S = 5;

/** The terminal's colours, from the tokens of the console. */
const COLOURS: Readonly<Record<string, string>> = {
  '31': '#ff7468', '32': '#5cdfc0', '33': '#ffc45c', '35': '#d3a2ff', '36': '#6dbdff', '90': '#8c9098',
}; // prettier-ignore
const PLAIN = '#d3d5da';

interface Piece {
  readonly column: number;
  readonly text: string;
  readonly style: string;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function piecesOf(line: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let [column, colour, bold] = [0, PLAIN, false];
  // eslint-disable-next-line no-control-regex
  for (const part of line.split(/(\u001b\[[0-9;]*m)/)) {
    // eslint-disable-next-line no-control-regex
    const code = /^\u001b\[([0-9;]*)m$/.exec(part)?.[1];
    if (code !== undefined) {
      if (code === '1') bold = true;
      else if (code === '22') bold = false;
      else colour = COLOURS[code] ?? PLAIN;
      continue;
    }
    // Wide gaps between columns need no text.
    for (const [text] of part.matchAll(/\S+(?: \S+)*| {2,}| /g)) {
      if (text.trim() !== '')
        pieces.push({ column, text, style: `fill="${colour}"${bold ? ' font-weight="600"' : ''}` });
      column += text.length;
    }
  }
  return pieces;
}

function drawLine(line: string, row: number): string {
  const y = PAD.top + row * CELL.height;
  return piecesOf(line)
    .map(
      ({ column, text, style }) =>
        `<text x="${(PAD.x + column * CELL.width).toFixed(1)}" y="${y}" ${style}>${escape(text)}</text>`,
    )
    .join('');
}

/** Frames far enough apart, and the last one always. */
function thin(frames: readonly Frame[]): readonly Frame[] {
  const kept: Frame[] = [];
  for (const frame of frames) {
    if (frame.atMs - (kept.at(-1)?.atMs ?? -Infinity) >= MIN_GAP_MS) kept.push(frame);
  }
  const last = frames.at(-1);
  return last === undefined || kept.at(-1) === last ? kept : [...kept, last];
}

/** One line for as long as it stood there; `until` null is to the end. */
interface Stay {
  readonly row: number;
  readonly line: string;
  readonly from: number;
  readonly until: number | null;
}

function staysOf(frames: readonly Frame[]): readonly Stay[] {
  const rows = Math.max(0, ...frames.map(({ lines }) => lines.length));
  return Array.from({ length: rows }, (_, row) => {
    const changes = frames.filter(
      ({ lines }, index) => index === 0 || (lines[row] ?? '') !== (frames[index - 1]?.lines[row] ?? ''),
    );
    return changes.map(({ lines, atMs }, index) => ({
      row,
      line: lines[row] ?? '',
      from: atMs / 1000 / SPEED,
      until: (changes[index + 1]?.atMs ?? Infinity) / 1000 / SPEED,
    }));
  })
    .flat()
    .filter(({ line }) => line !== '')
    .map((stay) => ({ ...stay, until: stay.until === Infinity ? null : stay.until }));
}

function drawStay({ row, line, from, until }: Stay, endS: number): string {
  const drawn = drawLine(line, row);
  if (from === 0 && until === null) return drawn;
  const share = (at: number): string => (at / endS).toFixed(4);
  const [values, keyTimes] =
    until === null
      ? ['hidden;visible', `0;${share(from)}`]
      : from === 0
        ? ['visible;hidden', `0;${share(until)}`]
        : ['hidden;visible;hidden', `0;${share(from)};${share(until)}`];
  const animate = `<animate attributeName="visibility" calcMode="discrete" dur="${endS.toFixed(2)}s" repeatCount="indefinite" values="${values}" keyTimes="${keyTimes}"/>`;
  return `<g${until === null ? '' : ' visibility="hidden"'}>${drawn}${animate}</g>`;
}

export function drawTerminal(all: readonly Frame[], title: string): string {
  const [first] = all;
  const frames = thin(all).map((frame) => ({ ...frame, atMs: frame.atMs - (first?.atMs ?? 0) }));
  const endS = (frames.at(-1)?.atMs ?? 0) / 1000 / SPEED + REST_S;
  const columns = frames.flatMap(({ lines }) =>
    lines.flatMap((line) => piecesOf(line).map(({ column, text }) => column + text.length)),
  );
  const width = Math.ceil(2 * PAD.x + Math.max(0, ...columns) * CELL.width);
  const rows = Math.max(0, ...frames.map(({ lines }) => lines.length));
  const height = PAD.top + rows * CELL.height + PAD.bottom;
  const dots = [20, 38, 56].map((x) => `<circle cx="${x}" cy="18" r="5" fill="#33363c"/>`).join('');
  const body = staysOf(frames).map((stay) => drawStay(stay, endS));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}" font-family="'Geist Mono',ui-monospace,'SF Mono',Menlo,Consolas,monospace" font-size="${CELL.size}">
<title>${escape(title)}</title><rect width="${width}" height="${height}" rx="10" fill="#101114"/>${dots}
${body.join('\n')}
</svg>
`;
}
