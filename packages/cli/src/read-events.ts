/** Server-sent events of a route as an async iterator that survives a broken connection: it resumes after the last id. */
import { setTimeout as pause } from 'node:timers/promises';
import { Unreachable, type CallInput, type Client } from '@sitelift/contract/client.ts';
import type { Route } from '@sitelift/contract/route.ts';
import { EventSourceParserStream } from 'eventsource-parser/stream';

export interface StreamEvent {
  readonly type: string;
  readonly data: string;
}

/** A stream that broke off is opened again this often before the command gives up. */
const MAX_RECONNECTS = 20;
const RECONNECT_PAUSE_MS = 1_000;

export async function* readEvents<R extends Route>(
  client: Client,
  route: R,
  input: CallInput<R>,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent> {
  let lastEventId: string | undefined;
  for (let tries = 0; tries <= MAX_RECONNECTS && !signal.aborted; tries += 1) {
    try {
      const answer = await client.open(route, { ...input, signal }, lastEventId);
      const events = answer.body
        ?.pipeThrough(new TextDecoderStream())
        .pipeThrough(new EventSourceParserStream());
      if (events === undefined) return;
      for await (const event of events) {
        lastEventId = event.id ?? lastEventId;
        tries = 0;
        yield { type: event.event ?? 'message', data: event.data };
      }
    } catch (error) {
      if (signal.aborted) return;
      // A broken connection shows as a TypeError of fetch's body or as Unreachable; a refusal is final.
      if (!(error instanceof Unreachable) && !(error instanceof TypeError)) throw error;
      if (tries === MAX_RECONNECTS) throw error;
    }
    await pause(RECONNECT_PAUSE_MS, undefined, { signal }).catch(() => {});
  }
}
