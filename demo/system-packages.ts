/**
 * What the demo and the tests need beyond npm: a PostgreSQL with its client tools, and HAProxy. Installed by apt when we
 * are root on Debian and something is missing; otherwise one line names what to install. Debian starts neither of them as
 * a service of its own here: both are told not to, and the demo runs its own.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

interface Need {
  readonly package: string;
  readonly isThere: () => boolean;
}

const POSTGRES_ROOT = '/usr/lib/postgresql';

/** Directory with `initdb`, `postgres`, `pg_dump` and `pg_restore` of one version; the newest that has all of them, or null. */
export function postgresBinDir(): string | null {
  const versions = existsSync(POSTGRES_ROOT) ? readdirSync(POSTGRES_ROOT) : [];
  const candidates = [
    ...versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(POSTGRES_ROOT, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ];
  const tools = ['initdb', 'postgres', 'pg_dump', 'pg_restore'];
  return candidates.find((dir) => dir !== '' && tools.every((tool) => existsSync(join(dir, tool)))) ?? null;
}

/** HAProxy lives in /usr/sbin, which is not on everybody's PATH. */
export function haproxyProgram(): string | null {
  const dirs = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return dirs.map((dir) => join(dir, 'haproxy')).find((path) => existsSync(path)) ?? null;
}

const NEEDS: readonly Need[] = [
  { package: 'postgresql', isThere: () => postgresBinDir() !== null },
  { package: 'postgresql-client', isThere: () => postgresBinDir() !== null },
  { package: 'haproxy', isThere: () => haproxyProgram() !== null },
];

function apt(args: readonly string[]): string | null {
  const { status, stderr } = spawnSync('apt-get', args, {
    encoding: 'utf8',
    // `policy-rc.d` is what keeps packages from starting services; this variable does the same for this one call.
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  });
  return status === 0 ? null : (stderr.trim().split('\n').at(-1) ?? 'apt-get failed');
}

/** Null when everything is there (now); else one line that says what is missing and what to do. */
export function ensureSystemPackages(say: (line: string) => void): string | null {
  const missing = NEEDS.filter((need) => !need.isThere()).map((need) => need.package);
  if (missing.length === 0) return null;
  const names = missing.join(' ');
  const isRootOnDebian = process.getuid?.() === 0 && existsSync('/etc/debian_version');
  if (!isRootOnDebian)
    return `missing: ${names}. Install them, on Debian or Ubuntu: sudo apt-get install ${names}`;
  say(`Installing ${names} (once).`);
  const failed =
    apt(['update', '-qq']) ?? apt(['install', '-y', '-qq', '--no-install-recommends', ...missing]);
  if (failed !== null) return `apt-get could not install ${names}: ${failed}`;
  return NEEDS.every((need) => need.isThere())
    ? null
    : `apt-get installed ${names}, but they are still not found`;
}
