/** What a command on the fleet answers; an unexpected failure is an exception, everything else is one of these. */
export type ChangeResult =
  | { readonly done: true }
  /** There is no such thing. */
  | { readonly missing: string }
  /** There is, and every one of these stands against it. */
  | { readonly refused: readonly string[] };

/** Who wants it (an e-mail address, perhaps `via token <name>`) and why: both go into the audit trail. */
export interface ByWhom {
  readonly actor: string;
  readonly reason: string;
}

export const DONE: ChangeResult = { done: true };
