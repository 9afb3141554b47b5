/**
 * What the server shows besides the API: the built web bundle (its own router decides about addresses), the list of problems
 * that every problem's `type` leads to, and the OpenAPI document. Plain HTML without a style: the CSP allows none inline.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import staticFiles from '@fastify/static';
import { generateOpenApi } from '@sitelift/contract/openapi.ts';
import { PROBLEMS } from '@sitelift/contract/problems.ts';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { nonceOf } from './style-nonce.ts';

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title></head><body>
<main>${body}</main></body></html>\n`;
}

export function problemsPage(): string {
  const items = Object.entries(PROBLEMS).map(
    ([code, { status, title, meaning, next }]) =>
      `<section id="${code}"><h2>${escape(title)}</h2><p><code>${code}</code>, status ${status}</p>
<p>${escape(meaning)}</p><p>Next: ${escape(next)}</p></section>`,
  );
  return page('Sitelift: problems', `<h1>Problems</h1>${items.join('\n')}`);
}

const NOT_BUILT = page(
  'Sitelift',
  `<h1>Sitelift is running</h1><p>The web bundle is not built: <code>npm run build:web</code>, then reload.</p>
<p>The API is there: <a href="/openapi.json">openapi.json</a>, <a href="/problems">problems</a>.</p>`,
);

const HTML = 'text/html; charset=utf-8';

export interface WebPages {
  /** Answers an address that no route has, for a browser that asks for a page. */
  readonly fallback: (reply: FastifyReply) => FastifyReply | Promise<FastifyReply>;
}

/** Stands in `index.html` wherever the nonce of the answer belongs. */
const NONCE_PLACE = '__CSP_NONCE__';

export async function registerWebPages(app: FastifyInstance, webDir: string): Promise<WebPages> {
  const openApi = generateOpenApi();
  const problems = problemsPage();
  app.get('/openapi.json', async (_, reply) => reply.type('application/json').send(openApi));
  app.get('/problems', async (_, reply) => reply.type(HTML).send(problems));
  const index = join(webDir, 'index.html');
  if (!existsSync(index)) return { fallback: (reply) => reply.type(HTML).send(NOT_BUILT) };
  // Read anew each time: a bundle that is built again has other names in it.
  const sendIndex = async (reply: FastifyReply): Promise<FastifyReply> => {
    const html = await readFile(index, 'utf8');
    return reply
      .type(HTML)
      .header('cache-control', 'no-store')
      .send(html.replaceAll(NONCE_PLACE, nonceOf(reply.raw)));
  };
  app.get('/', (_, reply) => sendIndex(reply));
  await app.register(staticFiles, {
    root: webDir,
    prefix: '/',
    index: false,
    // The page goes out with a nonce or not at all.
    allowedPath: (path) => path !== '/index.html',
    // Bundles carry a hash in their names; the rest does not.
    setHeaders: (reply, path) =>
      void reply.header(
        'cache-control',
        path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      ),
  });
  return { fallback: sendIndex };
}
