/** `GET /api/v1/stream`: server-sent events for the topics a page shows. */
import { AppError } from '@holdfast/shared/errors.ts';
import { HTTP, STREAM } from '@holdfast/shared/limits.ts';
import type { Request, RequestHandler, Response } from 'express';
import * as z from 'zod';
import { demand } from '../../core/caller.ts';
import type { Admission } from './admission.ts';
import { parseInput } from './http-error.ts';
import type { FeedEvent, LiveFeed } from './live-feed.ts';
import { type Access, getScope } from './request-scope.ts';

const STREAM_HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  // Proxies that buffer would hold events back.
  'X-Accel-Buffering': 'no',
};

export interface Streams {
  handle: RequestHandler;
  /** Ends all streams of a session or key. */
  endHolder(holder: string): void;
  count(): number;
  close(): void;
}

export interface StreamLimits {
  queueBytes: number;
  keepAliveMs: number;
  perHolder: number;
}

const LIMITS: StreamLimits = { queueBytes: HTTP.sseQueueBytes, keepAliveMs: HTTP.sseKeepAliveMs, perHolder: STREAM.perHolder };

const topicSchema = z.string().regex(/^[a-z][a-z_-]{0,30}(?::[A-Za-z0-9_-]{1,80})?$/, 'is not a topic');
const querySchema = z.strictObject({
  topics: z
    .string()
    .max(STREAM.topics * 120)
    .transform((text) => [...new Set(text.split(',').filter((topic) => topic !== ''))])
    .pipe(z.array(topicSchema).min(1, 'needs at least one topic').max(STREAM.topics, `takes at most ${STREAM.topics} topics`)),
  lastEventId: z.string().max(60).optional(),
});

export function createStreams(feed: LiveFeed, admission: Admission, limits: StreamLimits = LIMITS): Streams {
  const open = new Map<string, Set<Response>>();

  const handle: RequestHandler = async (request: Request, response: Response) => {
    const scope = getScope(request);
    const access = await admission.admitToApi(request);
    scope.access = access;
    demand(access.caller, 'view');
    const query = parseInput(querySchema as z.ZodType<z.output<typeof querySchema>>, { ...request.query }, 'query');
    if (request.method === 'HEAD') {
      response.writeHead(200, STREAM_HEADERS).end();
      return;
    }
    const mine = open.get(access.holder) ?? new Set();
    if (mine.size >= limits.perHolder) {
      throw new AppError('limit', `at most ${limits.perHolder} live pages can be open in one session; close some tabs`);
    }
    open.set(access.holder, mine.add(response));
    response.once('close', () => {
      mine.delete(response);
      if (mine.size === 0) open.delete(access.holder);
    });
    // The browser's own reconnect repeats the address it first used, so its header is the newer of the two.
    openStream(feed, access, new Set(query.topics), request.get('last-event-id') ?? query.lastEventId, response, limits);
  };

  return {
    handle,
    endHolder(holder) {
      for (const response of open.get(holder) ?? []) response.end();
    },
    count: () => [...open.values()].reduce((sum, set) => sum + set.size, 0),
    close() {
      for (const set of open.values()) for (const response of set) response.end();
    },
  };
}

function openStream(
  feed: LiveFeed,
  access: Access,
  topics: ReadonlySet<string>,
  lastId: string | undefined,
  response: Response,
  limits: StreamLimits,
): void {
  const { tenant } = access.caller;
  /** Topics of which something was dropped because the viewer reads too slowly. */
  const missed = new Set<string>();
  response.writeHead(200, STREAM_HEADERS);
  response.write(`retry: ${STREAM.retryMs}\n\n`);

  function deliver(event: FeedEvent): void {
    if (response.writableEnded) return;
    // Once something is missing, nothing of that topic follows until the viewer was told to look again.
    if (missed.has(event.topic) || response.writableLength + event.wire.length > limits.queueBytes) missed.add(event.topic);
    else response.write(event.wire);
  }

  response.on('drain', () => {
    const topicsToLookAt = [...missed];
    missed.clear();
    for (const topic of topicsToLookAt) response.write(feed.makeRefresh(tenant, topic).wire);
  });
  /** How far a quiet viewer knows, so that it takes up the stream there; one that lost something knows less. */
  function tellPosition(): void {
    if (missed.size === 0 && response.writableLength === 0) response.write(feed.makePosition(tenant));
  }

  const stop = feed.watch(tenant, { topics, deliver }, lastId);
  const timer = setInterval(() => void keepAlive(access, response, tellPosition), limits.keepAliveMs);
  timer.unref();
  response.once('close', () => {
    stop();
    clearInterval(timer);
  });
}

/** A stream outlives the request that opened it, so its right to exist is looked at again. */
async function keepAlive(access: Access, response: Response, tellPosition: () => void): Promise<void> {
  try {
    if (!(await access.recheck())) return void response.end();
    if (response.writableEnded) return;
    tellPosition();
    response.write(': keep-alive\n\n');
  } catch {
    // The store could not say; the browser comes back and is judged anew.
    response.end();
  }
}
