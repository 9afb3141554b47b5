/** How the application is started: by the vendor's script in an upgrade, and by the test that sets the site up. */
import { join } from 'node:path';
import type { SiteSettings } from '../../../demo/app/script.ts';
import type { ServiceSpec } from '../../../demo/services.ts';

export { serviceOf } from '../../../demo/world-state.ts';
import { serviceOf } from '../../../demo/world-state.ts';

export interface SmallApplication {
  readonly instance: string;
  readonly slot: string;
  readonly version: string;
  readonly port: number;
  readonly database: SiteSettings['database'];
}

export function databaseUrl({ host, port, user, name }: SiteSettings['database']): string {
  return `postgres://${user}@${host}:${port}/${name}`;
}

export function startSpec({ instance, slot, version, port, database }: SmallApplication): ServiceSpec {
  return {
    name: serviceOf(instance, slot),
    argv: [process.execPath, join(import.meta.dirname, 'app.ts')],
    env: {
      PATH: process.env['PATH'] ?? '',
      VERSION: version,
      PORT: String(port),
      DATABASE_URL: databaseUrl(database),
    },
    cwd: import.meta.dirname,
    user: null,
    stopSignal: 'SIGTERM',
    labels: { version, port: String(port) },
  };
}
