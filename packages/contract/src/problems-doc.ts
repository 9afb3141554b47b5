/** `docs/problems.md`, made of the problem table and nothing else; a test holds the file to it. */
import { PROBLEMS } from './problems.ts';

const INTRODUCTION = `# Problems

Whatever the API refuses or cannot do is answered with \`application/problem+json\` (RFC 9457). \`type\` is a link to the entry
on this page (\`/problems#<code>\` on the server); a code never changes once released. \`detail\`, \`reasons\` and \`errors\` say
what was wrong this time, and never repeat a value that was sent. \`instance\` is the id of the request, as in the
server's log. This page is generated from \`packages/contract/src/problems.ts\`.
`;

export function renderProblemsDoc(): string {
  const entries = Object.entries(PROBLEMS).map(
    ([code, { status, title, meaning, next }]) =>
      `## ${code}\n\n**${title}** (status ${status})\n\n${meaning}\n\nWhat to do: ${next}\n`,
  );
  return `${INTRODUCTION}\n${entries.join('\n')}`;
}
