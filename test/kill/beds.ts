/** Plays cases on several installations side by side; each has its own database, so that one's death is nobody else's. */
import { playCase, type CaseResult } from './play-case.ts';
import { startInstallation, type Installation } from './installation.ts';
import { killsWhileActing, STEP_OF, type KillCase } from './kill-cases.ts';

/** Of every script, before its effect and again after it: long enough to be killed in, seconds. */
const PAUSE_SECONDS = 0.1;

export interface Played {
  readonly each: KillCase;
  readonly result: CaseResult;
}

async function playOn(
  binDir: string,
  cases: readonly KillCase[],
  onPlayed: (played: Played) => void,
): Promise<void> {
  const bed: Installation = await startInstallation({
    binDir,
    slugs: cases.map(({ slug }) => slug),
    playbook: 'whole',
    failpoints: cases.map(({ failpoint }) => failpoint),
    pauseSeconds: PAUSE_SECONDS,
    slow: cases.filter(killsWhileActing).map(({ slug, kind }) => `${slug}/${STEP_OF[kind]}`),
  });
  try {
    for (const each of cases) {
      const result = await playCase(bed, each).catch(async (error: unknown): Promise<CaseResult> => {
        const cause =
          error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message})` : '';
        const breaches = [`${String(error)}${cause}`, (await bed.output()).slice(-2_000)];
        return { state: 'unknown', takenOverMs: null, databaseBackMs: null, wholeMs: 0, breaches };
      });
      onPlayed({ each, result });
    }
  } finally {
    await bed.remove();
  }
}

/** Every case once, in order, dealt out to `atOnce` installations. */
export async function playCases(
  binDir: string,
  cases: readonly KillCase[],
  atOnce: number,
  onPlayed: (played: Played) => void,
): Promise<void> {
  const hands = Array.from({ length: atOnce }, (_, hand) =>
    cases.filter((_each, nth) => nth % atOnce === hand),
  );
  await Promise.all(hands.filter((hand) => hand.length > 0).map((hand) => playOn(binDir, hand, onPlayed)));
}
