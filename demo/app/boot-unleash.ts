/**
 * Boots Unleash from a build directory, through its programmatic API so that it does not migrate its database by itself.
 * Everything else it reads from the environment as it always does: DATABASE_*, HTTP_HOST, HTTP_PORT, UNLEASH_*.
 *
 *   node demo/app/boot-unleash.ts <build directory>
 */
import type { IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: node demo/app/boot-unleash.ts <build directory>');

/** By a name in a variable: it is the build's dependency, not ours. */
const PACKAGE = 'unleash-server';
const require = createRequire(join(directory, 'build.json'));
// as: the one function that we call; its option is in every version we use
const unleash = require(PACKAGE) as { start(options: object): Promise<unknown> };

/** As much of Express as the hook below uses. */
interface App {
  set(name: 'trust proxy', value: string): void;
  use(
    path: string,
    middleware: (request: IncomingMessage, response: unknown, next: () => void) => void,
  ): void;
}

/**
 * 4.19 allows five sign-ins a minute per address, and has no setting for it. Probes on this host sign in more often; each of
 * theirs counts as an address of its own. Visitors come through the proxy, which names them: for them the limit stands.
 */
let probes = 0;
function letProbesIn(app: App): void {
  // Only our own proxy may say who is asking; Unleash's default believes anybody.
  app.set('trust proxy', 'loopback');
  app.use('/auth/simple', (request, _response, next) => {
    if (request.headers['x-forwarded-for'] === undefined) {
      probes += 1;
      Object.defineProperty(request, 'ip', {
        value: `127.${(probes >> 16) & 255}.${(probes >> 8) & 255}.${probes & 255}`,
      });
    }
    next();
  });
}

try {
  await unleash.start({ db: { disableMigration: true }, preHook: letProbesIn });
} catch (error) {
  console.error(error);
  process.exit(1);
}
