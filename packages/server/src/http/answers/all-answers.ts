/** Every route's answer in one table. A route of the contract that is missing here does not compile. */
import { Problem } from '@sitelift/contract/problems.ts';
import { runExists } from '../views/run-log-views.ts';
import type { Answers } from '../answer.ts';
import { checkId } from '../check-input.ts';
import { lastEventId, openEventStream, type EventStream } from '../event-stream.ts';
import type { FleetStream } from '../fleet-stream.ts';
import type { HttpDeps } from '../http-deps.ts';
import { startRunStream } from '../run-stream.ts';
import type { SessionCookie } from '../session-cookie.ts';
import type { LimitTry } from '../sign-in-limit.ts';
import { accountAnswers } from './account-answers.ts';
import { fleetAnswers } from './fleet-answers.ts';
import { lossAnswers } from './loss-answers.ts';
import { peopleAnswers } from './people-answers.ts';
import { planningAnswers } from './planning-answers.ts';
import { recordAnswers } from './record-answers.ts';
import { runAnswers } from './run-answers.ts';
import { upgradeAnswers } from './upgrade-answers.ts';

export interface AnswerParts {
  readonly cookie: SessionCookie;
  readonly limitTry: LimitTry;
  readonly fleetStream: FleetStream;
  /** Told of every stream, so that a server that stops can end them. */
  readonly opened: (stream: EventStream) => void;
}

export function allAnswers(deps: HttpDeps, parts: AnswerParts): Answers {
  return {
    ...peopleAnswers(deps, parts.cookie, parts.limitTry),
    ...accountAnswers(deps),
    ...fleetAnswers(deps),
    ...planningAnswers(deps),
    ...upgradeAnswers(deps),
    ...runAnswers(deps),
    ...lossAnswers(deps),
    ...recordAnswers(deps),
    streamRun: async ({ params, caller, request, reply }) => {
      checkId('run', params.run);
      if (!(await runExists(deps.db, params.run))) throw new Problem('not-found');
      const stream = openEventStream(reply);
      parts.opened(stream);
      const after = lastEventId(request.headers['last-event-id']);
      startRunStream(deps.db, params.run, caller, stream, after, deps.log);
    },
    stream: async ({ caller, request, reply }) => {
      const stream = openEventStream(reply);
      parts.opened(stream);
      parts.fleetStream.add(stream, caller, lastEventId(request.headers['last-event-id']));
    },
  };
}
