/** `login`, `logout`, `whoami`, `token`, `secret`: who we are and what we may. Passwords are asked for, never arguments. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { ProblemResponse, API_PREFIX, type Client } from '@sitelift/contract/client.ts';
import { routes } from '@sitelift/contract/routes.ts';
import { SCOPES, type Scope } from '@sitelift/contract/views.ts';
import type { Command } from 'commander';
import { CommandFailure, EXIT, print, type CommandContext } from '../command-context.ts';
import { forget, remember } from '../connection.ts';
import { day, plain, table, time } from '../terminal.ts';

/** Asks on the terminal without showing what is typed; reads a line from a pipe when there is no terminal. */
async function askHidden(question: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  if (process.stdin.isTTY) process.stderr.write(question);
  const reader = createInterface({ input: process.stdin, output: silent, terminal: process.stdin.isTTY });
  try {
    for await (const line of reader) return line;
    throw new CommandFailure('nothing was typed');
  } finally {
    reader.close();
    if (process.stdin.isTTY) process.stderr.write('\n');
  }
}

/** Signs in as a browser would and trades the session for a token, which is what the CLI keeps. */
async function signIn(baseUrl: string, email: string, password: string): Promise<string> {
  const answer = await fetch(`${baseUrl}${API_PREFIX}${routes.signIn.path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: baseUrl },
    body: JSON.stringify({ email, password }),
  }).catch((cause: unknown) => {
    throw new CommandFailure(
      `no Sitelift answers at ${baseUrl}: ${cause instanceof Error ? cause.message : ''}`,
      EXIT.unreachable,
    );
  });
  const cookie = answer.headers.getSetCookie()[0]?.split(';')[0];
  if (!answer.ok || cookie === undefined) {
    const problem = (await answer.json()) as { title: string; type: string; status: number }; // as: RFC 9457, shown only
    throw new ProblemResponse(answer.status, problem);
  }
  return cookie;
}

async function postWithCookie<T>(baseUrl: string, path: string, cookie: string, body: unknown): Promise<T> {
  const answer = await fetch(`${baseUrl}${API_PREFIX}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: baseUrl, cookie },
    body: JSON.stringify(body),
  });
  const json = (await answer.json()) as T; // as: checked by the caller's route
  if (!answer.ok) throw new ProblemResponse(answer.status, json as never);
  return json;
}

const TOKEN_DAYS = 90;

async function login(context: CommandContext, email: string): Promise<void> {
  const url = (context.url() ?? context.environment.url ?? (await context.client()).baseUrl).replace(
    /\/+$/,
    '',
  );
  let password = await askHidden(`Password of ${email}: `);
  const cookie = await signIn(url, email, password);
  const me = routes.me.response.parse(
    await (await fetch(`${url}${API_PREFIX}${routes.me.path}`, { headers: { cookie } })).json(),
  );
  if (me.mustChangePassword) {
    const next = await askHidden('This password was for once. A new one, at least 12 characters: ');
    await postWithCookie(url, routes.changePassword.path, cookie, { current: password, next });
    password = next;
  }
  const fresh = me.mustChangePassword ? await signIn(url, email, password) : cookie;
  const body = { name: 'sitelift login', scopes: me.scopes, days: TOKEN_DAYS };
  const created = routes.createToken.response.parse(
    await postWithCookie(url, routes.createToken.path, fresh, body),
  );
  await remember(context.environment, { url, token: created.token });
  print(
    context,
    { url, email, expiresAt: created.expiresAt },
    () => `Signed in at ${url} as ${email} until ${time(created.expiresAt)}.`,
  );
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer); // as: no encoding is set on stdin
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
}

export function addAccessCommands(program: Command, context: CommandContext): void {
  const client = (): Promise<Client> => context.client();

  program
    .command('login')
    .description('sign in; the password is asked for (or read from standard input)')
    .argument('<email>')
    .action((email: string) => login(context, email));

  program
    .command('logout')
    .description('forget the token of `sitelift login`')
    .action(async () => {
      await forget(context.environment);
      print(context, { done: true }, () => 'Signed out on this machine.');
    });

  program
    .command('whoami')
    .description('who am I, and what may I do?')
    .action(async () => {
      const me = await (await client()).call(routes.me);
      print(context, me, ({ email, role, scopes }) => `${email}, ${role}: ${scopes.join(', ')}`);
    });

  const token = program.command('token').description('API tokens for scripts and CI');
  token
    .command('create')
    .description('make a token; it is shown once')
    .argument('<name>')
    .requiredOption('--scope <scope...>', `one or more of ${SCOPES.join(', ')}`)
    .option('--days <n>', 'valid for so many days', '90')
    .action(async (name: string, options: { scope: string[]; days: string }) => {
      const scopes = options.scope.map((scope): Scope => {
        const found = SCOPES.find((known) => known === scope);
        if (found === undefined)
          throw new CommandFailure(`there is no scope ${scope}; known: ${SCOPES.join(', ')}`, EXIT.usage);
        return found;
      });
      const created = await (
        await client()
      ).call(routes.createToken, { body: { name, scopes, days: Number(options.days) } });
      print(
        context,
        created,
        (each) => `${each.token}\n(${each.id}, until ${day(each.expiresAt)}; it is not shown again)`,
      );
    });
  token
    .command('list')
    .description('my tokens')
    .action(async () => {
      const { tokens } = await (await client()).call(routes.listTokens);
      print(context, tokens, (all) =>
        table(
          ['TOKEN', 'NAME', 'SCOPES', 'UNTIL', 'LAST USED'],
          all.map((each) => [
            each.id,
            plain(each.name),
            each.scopes.join(','),
            day(each.expiresAt),
            time(each.lastUsedAt),
          ]),
        ),
      );
    });
  token
    .command('revoke')
    .description('revoke a token of mine')
    .argument('<token>', 'its id, tok_…')
    .action(async (id: string) => {
      print(
        context,
        await (await client()).call(routes.revokeToken, { params: { token: id } }),
        () => 'Revoked.',
      );
    });

  const secret = program.command('secret').description('secrets: written, never read back');
  secret
    .command('set')
    .description('store a new version; the value is read from standard input')
    .argument('<name>')
    .option('--customer <slug>', 'of one customer only')
    .action(async (name: string, options: { customer?: string }) => {
      const value = process.stdin.isTTY ? await askHidden(`Value of ${name}: `) : await readStdin();
      if (value === '') throw new CommandFailure('standard input held no value');
      const body = { value, ...(options.customer === undefined ? {} : { customer: options.customer }) };
      const stored = await (await client()).call(routes.setSecret, { params: { name }, body });
      print(
        context,
        stored,
        ({ version, fingerprint }) => `${name} is stored, version ${version}, fingerprint ${fingerprint}.`,
      );
    });
  secret
    .command('list')
    .description('names and versions')
    .action(async () => {
      const { secrets } = await (await client()).call(routes.listSecrets);
      print(context, secrets, (all) =>
        all.length === 0
          ? 'No secret is stored.'
          : table(
              ['SCOPE', 'NAME', 'VERSION', 'FINGERPRINT', 'SINCE', 'BY'],
              all.map((each) => [
                each.scope === '' ? 'vendor' : each.scope,
                each.name,
                String(each.version),
                each.fingerprint,
                time(each.createdAt),
                plain(each.createdBy),
              ]),
            ),
      );
    });
}
