/**
 * The matrix: where (boundary) x who is killed (victim) x what kind of step. A boundary that a kind does not have makes no
 * case: a notice has no process (B2 to B5), and only a notice becomes a mail (B10, B11). `docs/kill-matrix.md` counts them.
 */
import {
  BOUNDARIES,
  markerOf,
  parseFailpoints,
  type Boundary,
} from '@sitelift/server/failpoints/parse-failpoints.ts';

export const VICTIMS = ['worker', 'server', 'postgres'] as const;
export type Victim = (typeof VICTIMS)[number];

/** The step of the playbook `whole` that is of this kind. */
export const STEP_OF = {
  idempotent: 'stage',
  once: 'once',
  disruptive: 'stop',
  destructive: 'migrate',
  notice: 'say',
} as const;
export type Kind = keyof typeof STEP_OF;
export const KINDS = Object.keys(STEP_OF) as readonly Kind[]; // as: its keys are its keys

export interface KillCase {
  readonly boundary: Boundary;
  readonly victim: Victim;
  readonly kind: Kind;
  /** The site it is played on; its own. */
  readonly slug: string;
  /** SITELIFT_FAILPOINT of the workers for it. */
  readonly failpoint: string;
  readonly marker: string;
}

const BOUNDARY_NAMES = Object.keys(BOUNDARIES) as readonly Boundary[]; // as: its keys are its keys
const OF_A_PROCESS: readonly Boundary[] = ['B2', 'B3', 'B4', 'B5'];
const OF_A_MAIL: readonly Boundary[] = ['B10', 'B11'];

function exists(boundary: Boundary, kind: Kind): boolean {
  if (OF_A_MAIL.includes(boundary)) return kind === 'notice';
  return kind !== 'notice' || !OF_A_PROCESS.includes(boundary);
}

function caseOf(boundary: Boundary, victim: Victim, kind: Kind): KillCase {
  const slug = `${boundary.toLowerCase()}-${victim}-${kind}`;
  const place = OF_A_MAIL.includes(boundary) ? `${slug}/any` : `${slug}/${STEP_OF[kind]}`;
  const failpoint = `${boundary}:${victim === 'worker' ? 'kill9' : 'block'}:${place}`;
  const [point] = parseFailpoints(failpoint) ?? [];
  if (point === undefined) throw new Error(`${failpoint} is no failpoint`);
  return { boundary, victim, kind, slug, failpoint, marker: markerOf(point) };
}

/** The worker dies while its script acts. */
export function killsWhileActing({ boundary, victim }: KillCase): boolean {
  return victim === 'worker' && (boundary === 'B3' || boundary === 'B4');
}

/** Every case there is. */
export const ALL_CASES: readonly KillCase[] = BOUNDARY_NAMES.flatMap((boundary) =>
  VICTIMS.flatMap((victim) =>
    KINDS.filter((kind) => exists(boundary, kind)).map((kind) => caseOf(boundary, victim, kind)),
  ),
);

/** Every boundary with every victim, the kinds in turn. */
export const CORE_CASES: readonly KillCase[] = BOUNDARY_NAMES.flatMap((boundary, row) =>
  VICTIMS.map((victim, column) => {
    const kinds = KINDS.filter((kind) => exists(boundary, kind));
    return caseOf(boundary, victim, kinds[(row + column) % kinds.length] ?? 'once');
  }),
);
