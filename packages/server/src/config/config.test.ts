import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { describeConfig, listVariables, readConfig, type Config, type Environment } from './config.ts';

function configOf(env: Environment): Config {
  const read = readConfig(env);
  if ('problems' in read) throw new Error(read.problems.join('; '));
  return read.config;
}

function problemsOf(env: Environment): readonly string[] {
  const read = readConfig(env);
  return 'problems' in read ? read.problems : [];
}

describe('readConfig', () => {
  it('an empty environment gives the defaults', () => {
    expect(configOf({})).toMatchObject({
      databaseUrl: null,
      dataDir: './data',
      host: '127.0.0.1',
      port: 7410,
      upgradesAtOnce: 2,
      leaseSeconds: 30,
      heartbeatSeconds: 5,
      stableAfterDays: 14,
      logLevel: 'info',
    });
  });

  it('reads what is set, and takes an empty variable as not set', () => {
    const env = { SITELIFT_PORT: '0', DATABASE_URL: 'postgresql:///fleet?host=/run/pg', SITELIFT_HOST: '' };
    expect(configOf(env)).toMatchObject({
      port: 0,
      databaseUrl: 'postgresql:///fleet?host=/run/pg',
      host: '127.0.0.1',
    });
  });

  it('tells every problem at once, each with its variable and what was expected', () => {
    expect(
      problemsOf({
        DATABASE_URL: 'mysql://root:secret@db/x',
        SITELIFT_PORT: '70000',
        SITELIFT_UPGRADES_AT_ONCE: 'two',
        SITELIFT_LOG_LEVEL: 'loud',
        SITELIFT_STAFF_EMAIL: 'ops',
        SITELIFT_PUBLIC_URL: 'ftp://x',
        SITELIFT_LEASE_SECOND: '3',
      }),
    ).toEqual([
      'DATABASE_URL: a URL such as postgres://user:password@host/database is expected',
      'SITELIFT_PORT: a whole number from 0 to 65535 is expected, not `70000`',
      'SITELIFT_PUBLIC_URL: an http or https URL is expected, not `ftp://x`',
      'SITELIFT_STAFF_EMAIL: an e-mail address is expected, not `ops`',
      'SITELIFT_UPGRADES_AT_ONCE: a whole number from 1 to 1000 is expected, not `two`',
      'SITELIFT_LOG_LEVEL: one of trace, debug, info, warn, error, silent is expected, not `loud`',
      'SITELIFT_LEASE_SECOND: there is no such variable; did you mean SITELIFT_LEASE_SECONDS?',
    ]);
  });

  it.each(['-1', '1.5', '1e3', ' 3', '0x10', '9999999999'])('refuses %j as a port', (text) => {
    expect(problemsOf({ SITELIFT_PORT: text })).toHaveLength(1);
  });

  it.each([
    [{ SITELIFT_HEARTBEAT_SECONDS: '16' }, 'SITELIFT_HEARTBEAT_SECONDS'],
    [{ SITELIFT_SMTP_URL: 'smtp://mail' }, 'SITELIFT_MAIL_FROM'],
  ])('refuses what contradicts itself: %j', (env, variable) => {
    expect(problemsOf(env)).toEqual([expect.stringContaining(variable)]);
  });

  it('leaves the variables of the command line and of the demo alone', () => {
    expect(problemsOf({ SITELIFT_URL: 'x', SITELIFT_TOKEN: 'x', SITELIFT_DEMO_DIR: 'x', PATH: '/bin' })).toEqual([]);
  });
}); // prettier-ignore

describe('describeConfig', () => {
  it('shows where things are and no password', () => {
    const lines = describeConfig(
      configOf({
        DATABASE_URL: 'postgres://lift:hunter2@db.example/fleet?sslpassword=hunter2',
        SITELIFT_SMTP_URL: 'smtp://mailer:hunter2@mail.example:587',
        SITELIFT_MAIL_FROM: 'Sitelift <lift@example.org>',
      }),
    ).join('\n');
    expect(lines).not.toContain('hunter2');
    expect(lines).toContain('DATABASE_URL=postgres://lift:***@db.example/fleet?…');
    expect(lines).toContain('SITELIFT_SMTP_URL=smtp://mailer:***@mail.example:587');
    expect(lines).toContain('SITELIFT_PORT=7410');
    expect(lines).toContain('SITELIFT_KEY_FILE (not set)');
  });
});

describe('docs/configuration.md', () => {
  it('has a row for every variable, with its default and its meaning, and no other', async () => {
    const page = await readFile(new URL('../../../../docs/configuration.md', import.meta.url), 'utf8');
    const rows = page
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')));
    expect(rows.map(([, name, byDefault, meaning]) => ({ name, byDefault, meaning }))).toEqual(
      listVariables().map((known) => ({ ...known, byDefault: known.byDefault ?? 'not set' })),
    );
  });
});
