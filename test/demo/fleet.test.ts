import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseFleet } from '@sitelift/playbook/parse-fleet.ts';
import { describe, expect, it } from 'vitest';
import { VERSIONS, installedIntegrity } from '../../demo/install-versions.ts';
import { REPOSITORY } from '../../demo/paths.ts';
import { renderFleetFile } from '../../demo/render-fleet.ts';
import { DEFAULT_PORTS, SITES, databaseOf, hostOf, serviceOf } from '../../demo/world-state.ts';

async function yamlIn(directory: string): Promise<{ path: string; text: string }[]> {
  const names = (await readdir(join(REPOSITORY, directory))).filter((name) => name.endsWith('.yaml'));
  return Promise.all(
    names.map(async (name) => ({
      path: `${directory}/${name}`,
      text: await readFile(join(REPOSITORY, directory, name), 'utf8'),
    })),
  );
}

async function sampleFleet() {
  const parsed = parseFleet([...(await yamlIn('demo/fleet')), ...(await yamlIn('playbooks'))]);
  if ('errors' in parsed) throw new Error(JSON.stringify(parsed.errors, null, 2));
  return parsed.fleet;
}

describe('the sample fleet', () => {
  it('passes its own check, and has the sites that the world sets up', async () => {
    const { instances } = await sampleFleet();
    expect(instances.map(({ slug }) => slug).sort()).toEqual(SITES.map(({ slug }) => slug).sort());
  });

  it.each(SITES.map((site, index) => [site.slug, index] as const))(
    'says of %s what the world makes of it',
    async (slug, index) => {
      const { instances } = await sampleFleet();
      const instance = instances.find((each) => each.slug === slug);
      const [blue, green] = [
        DEFAULT_PORTS.applications + 2 * index,
        DEFAULT_PORTS.applications + 2 * index + 1,
      ];
      expect(instance?.settings).toMatchObject({
        ports: { blue, green },
        database: { port: DEFAULT_PORTS.postgres, name: databaseOf(slug) },
      });
      expect(instance?.bindings).toMatchObject({
        database: { database: databaseOf(slug), port: DEFAULT_PORTS.postgres },
        proxy: {
          host: hostOf(slug),
          backends: { blue: serviceOf(slug, 'blue'), green: serviceOf(slug, 'green') },
        },
        'app/probe': { slots: { blue: `http://127.0.0.1:${blue}`, green: `http://127.0.0.1:${green}` } },
      });
    },
  );

  it('names the bytes that are in the lock files and in the build', async () => {
    const { releases } = await sampleFleet();
    for (const { version, artefact } of releases) {
      if (artefact.kind === 'npm')
        expect(artefact.integrity).toBe(await installedIntegrity(join(REPOSITORY, 'demo/versions'), version));
      else {
        const bytes = await readFile(join(REPOSITORY, artefact.location ?? ''));
        expect(artefact.digest).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
      }
    }
    expect(releases.map(({ version }) => version)).toEqual(expect.arrayContaining([...VERSIONS]));
  });

  it('becomes the fleet of another machine by a few words, and stays a fleet', async () => {
    const words = {
      ports: new Map([[8080, 9080], [15432, 25432], [14100, 24100]]), // prettier-ignore
      root: '/srv/a b: {c}/demo',
      proxySocket: '/run/x.sock',
      scripts: '/opt/sitelift/demo/app',
      node: '/opt/node',
      postgresBin: '/opt/pg',
    };
    const rendered = (await yamlIn('demo/fleet')).map(({ path, text }) => ({
      path,
      text: renderFleetFile(text, words),
    }));
    const parsed = parseFleet([...rendered, ...(await yamlIn('playbooks'))]);
    if ('errors' in parsed) throw new Error(JSON.stringify(parsed.errors));
    const north = parsed.fleet.instances.find(({ slug }) => slug === 'north-live');
    expect(north?.url).toContain(':9080');
    expect(north?.settings).toMatchObject({
      ports: { blue: 24100, green: 14101 },
      database: { port: 25432 },
    });
    expect(north?.bindings).toMatchObject({
      app: {
        env: { DEMO_DIR: words.root },
        commands: { stage: { run: ['/opt/node', '/opt/sitelift/demo/app/stage.ts'] } },
      },
      database: { binDir: '/opt/pg' },
      proxy: { socket: '/run/x.sock', backendMap: `${words.root}/proxy/backend.map` },
    });
  });
});
