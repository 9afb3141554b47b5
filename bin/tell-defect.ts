/**
 * What is said of a defect: one line that somebody can act on. Where in our source it happened helps only who mends it, and
 * buries the line in a terminal: the stack, with its causes, is for a log level that asks for it.
 */
const LEVELS_WITH_STACK: readonly (string | undefined)[] = ['debug', 'trace'];
/** Causes may go round in a circle. */
const MOST_CAUSES = 10;

/** Stacks only: other properties of an error may hold what it was made of, a database URL with its password among them. */
function stacksOf(error: unknown): readonly string[] {
  const stacks: string[] = [];
  for (let each = error; each instanceof Error && stacks.length < MOST_CAUSES; each = each.cause)
    stacks.push(`${stacks.length === 0 ? '' : 'caused by '}${each.stack ?? each.message}`);
  return stacks;
}

export function defectLines(error: unknown, logLevel: string | undefined): readonly string[] {
  const text = (error instanceof Error ? error.message : String(error))
    .trim()
    .replaceAll(/\s*[\r\n]+\s*/g, ' ');
  const hasStack = LEVELS_WITH_STACK.includes(logLevel);
  const hint = hasStack ? 'the lines below' : 'what SITELIFT_LOG_LEVEL=debug prints';
  const line = `a defect of Sitelift: ${text || 'without a message'} (please report it, with what you did and ${hint})`;
  return hasStack ? [line, ...stacksOf(error)] : [line];
}
