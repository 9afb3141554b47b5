/**
 * Calls `work` again and again, never twice at once, with a pause between the end of one call and the start of the next. A
 * failure is told and the loop goes on: one poison row or a database that is away must not end the night (F-11).
 */
export interface Loop {
  /** Runs a pass soon, without waiting for the pause. */
  kick(): void;
  /** Resolves when the pass in flight has ended. */
  stop(): Promise<void>;
}

export function every(
  pauseMs: number,
  work: () => Promise<unknown>,
  onError: (error: unknown) => void,
): Loop {
  let stopped = false;
  let kicked = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pass: Promise<void> | null = null;

  const run = (): void => {
    if (stopped || pass !== null) return;
    clearTimeout(timer);
    kicked = false;
    pass = work()
      .then(() => {}, onError)
      .then(() => {
        pass = null;
        if (!stopped) timer = setTimeout(run, kicked ? 0 : pauseMs);
      });
  };
  run();

  return {
    kick: () => {
      kicked = true;
      run();
    },
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await pass;
    },
  };
}
