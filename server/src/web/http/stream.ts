/** `GET /api/v1/stream`: server-sent events for the topics a page shows. */
import type { Clock } from '@holdfast/shared/clock.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { HTTP, STREAM } from '@holdfast/shared/limits.ts';
import type { Request, RequestHandler, Response } from 'express';
import * as z from 'zod';
import { isTopic, TOPIC_FORMS } from '../../core/bus.ts';
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
  /** How long a viewer may take nothing of what waits for it; found out at a sign of life. */
  stallMs: number;
}

const LIMITS: StreamLimits = {
  queueBytes: HTTP.sseQueueBytes,
  keepAliveMs: HTTP.sseKeepAliveMs,
  perHolder: STREAM.perHolder,
  stallMs: STREAM.stallMs,
};

const topicSchema = z.string().refine(isTopic, {
  error: ({ input }) => `there is no topic ${JSON.stringify(String(input).slice(0, 60))}; there are ${TOPIC_FORMS.join(', ')}`,
});
const querySchema = z.strictObject({
  topics: z
    .string()
    .max(STREAM.topics * 120)
    .transform((text) => [...new Set(text.split(',').filter((topic) => topic !== ''))])
    .pipe(z.array(topicSchema).min(1, 'needs at least one topic').max(STREAM.topics, `takes at most ${STREAM.topics} topics`)),
  lastEventId: z.string().max(60).optional(),
});

export function createStreams(
  feed: LiveFeed,
  admission: Pick<Admission, 'admitToApi'>,
  clock: Clock,
  limits: StreamLimits = LIMITS,
): Streams {
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
    const lastId = request.get('last-event-id') ?? query.lastEventId;
    openStream({ feed, clock, limits }, { access, topics: new Set(query.topics), lastId }, response);
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

interface StreamParts {
  feed: LiveFeed;
  clock: Clock;
  limits: StreamLimits;
}

interface Viewer {
  access: Access;
  topics: ReadonlySet<string>;
  lastId: string | undefined;
}

function openStream({ feed, clock, limits }: StreamParts, { access, topics, lastId }: Viewer, response: Response): void {
  const { tenant } = access.caller;
  /** Topics to look at again, because the viewer reads too slowly. */
  const missed = new Set<string>();
  /** When the viewer last took something, or something began to wait for it. */
  let tookAtMs = clock.monotonicMs();

  function write(wire: string): void {
    if (response.writableLength === 0) tookAtMs = clock.monotonicMs();
    response.write(wire, () => {
      tookAtMs = clock.monotonicMs();
    });
  }

  function deliver(event: FeedEvent): void {
    if (response.writableEnded) return;
    // Once something is missing, nothing follows until the viewer was told to look again: a later id would hide the gap from
    // the stream that it opens next.
    if (missed.size > 0 || response.writableLength + event.wire.length > limits.queueBytes) missed.add(event.topic);
    else write(event.wire);
  }

  response.writeHead(200, STREAM_HEADERS);
  write(`retry: ${STREAM.retryMs}\n\n`);
  response.on('drain', () => {
    const words = [...missed].map((topic) => feed.makeRefresh(tenant, topic).wire);
    missed.clear();
    if (words.length > 0) write(words.join(''));
  });
  const stop = feed.watch(tenant, { topics, deliver }, lastId);
  const timer = setInterval(() => {
    const isStalled = response.writableLength > 0 && clock.monotonicMs() - tookAtMs >= limits.stallMs;
    // Ended politely it would wait for the viewer to read the rest.
    if (isStalled) response.destroy();
    else void keepAlive();
  }, limits.keepAliveMs);
  timer.unref();
  response.once('close', () => {
    stop();
    clearInterval(timer);
  });

  /** A stream outlives the request that opened it, so its right to exist is looked at again. */
  async function keepAlive(): Promise<void> {
    try {
      if (!(await access.recheck())) return void response.end();
      if (response.writableEnded) return;
      // How far a quiet viewer knows, so that it takes up the stream there; one that lost something knows less.
      if (missed.size === 0 && response.writableLength === 0) write(feed.makePosition(tenant));
      write(': keep-alive\n\n');
    } catch {
      // The store could not say; the browser comes back and is judged anew.
      response.end();
    }
  }
}
