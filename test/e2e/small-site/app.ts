/**
 * The application that the tests upgrade: notes in a PostgreSQL. It reports its version and its health; a write of version 1
 * is refused by the schema of version 2 (whose `slug` must be there), as with real software: healthy, readable, not writable.
 *
 *   VERSION=1.0.0 PORT=4201 DATABASE_URL=postgres://… node app.ts
 */
import { createServer, type IncomingMessage } from 'node:http';
import { Pool } from 'pg';

const { VERSION: version = '', PORT: port = '', DATABASE_URL: connectionString = '' } = process.env;
const pool = new Pool({ connectionString, max: 4, connectionTimeoutMillis: 2_000 });
// The database may go away at any time; the next request says so.
pool.on('error', () => {});

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function textOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  const { text } = JSON.parse(body) as { text: string }; // as: whoever sends something else gets a 500
  return text;
}

async function answer(request: IncomingMessage): Promise<Answer> {
  const [, place = '', name = ''] = (request.url ?? '').split('/').map(decodeURIComponent);
  switch (`${request.method} ${place}`) {
    case 'GET health': {
      await pool.query('select 1');
      return { status: 200, body: { health: 'GOOD' } };
    }
    case 'GET version':
      return { status: 200, body: { version } };
    case 'GET notes': {
      const { rows } = await pool.query<{ text: string }>('select text from notes order by id');
      return { status: 200, body: rows.map(({ text }) => text) };
    }
    case 'POST notes': {
      const text = await textOf(request);
      await (version.startsWith('1.')
        ? pool.query('insert into notes (text) values ($1)', [text])
        : pool.query('insert into notes (text, slug) values ($1, lower($1))', [text]));
      return { status: 201, body: { text } };
    }
    case 'DELETE notes':
      await pool.query('delete from notes where text = $1', [name]);
      return { status: 200, body: {} };
    default:
      return { status: 404, body: { problem: 'there is nothing here' } };
  }
}

createServer((request, response) => {
  void answer(request)
    .catch((error: unknown) => ({ status: 503, body: { problem: String(error) } }))
    .then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    });
}).listen(Number(port), '127.0.0.1');
