/** Turns the API's table of end-points into handlers: admission, input, envelope. */
import { createHash } from 'node:crypto';
import { AppError } from '@holdfast/shared/errors.ts';
import type { ErrorRequestHandler, Request, Response } from 'express';
import { Router } from 'express';
import * as z from 'zod';
import { demandScope } from '../../core/caller.ts';
import type { CoreContext } from '../../core/ports.ts';
import type { Admission } from './admission.ts';
import { readJson } from './bodies.ts';
import { logFailure } from './failure-log.ts';
import { chooseApiCode, createHttpFault, parseInput, toHttpError } from './http-error.ts';
import { createRepeats, type Repeats, readIdempotencyKey } from './idempotency.ts';
import { getScope } from './request-scope.ts';
import { type ApiEndpoint, type ApiReply, isPaged } from './route.ts';
import { sortByPath } from './route-order.ts';

const NOTHING = z.strictObject({});
/** 120 bits: enough that two contents never share a tag. */
const TAG_CHARS = 20;

/** A router for everything below the API's root; what no end-point answers is `not_found`. */
export function createApiRouter(context: CoreContext, admission: Admission, endpoints: readonly ApiEndpoint[]): Router {
  const router = Router({ caseSensitive: true });
  // Answers are for the one who asked, and hold until the next change: who keeps one asks again whether it still does.
  router.use((_request, response, next) => {
    response.setHeader('Cache-Control', 'private, no-cache');
    next();
  });
  const repeats = createRepeats(context);
  for (const endpoint of sortByPath(endpoints)) {
    router[endpoint.method](endpoint.path, async (request: Request, response: Response) => {
      await answer({ context, admission, repeats }, endpoint, request, response);
    });
  }
  for (const [path, methods] of groupMethods(endpoints)) {
    const allowed = [...methods].sort().join(', ');
    router.all(path, async (request: Request, response: Response) => {
      await admission.admitToApi(request);
      response.setHeader('Allow', allowed);
      throw createHttpFault('unsupported', 405, `${request.path} takes ${allowed}, and no ${request.method}`);
    });
  }
  router.use(async (request) => {
    await admission.admitToApi(request);
    throw new AppError('not_found', `there is no ${request.method} ${request.path} in this API`);
  });
  return router;
}

/** What each path takes, in the order in which paths are tried. */
function groupMethods(endpoints: readonly ApiEndpoint[]): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const { method, path } of sortByPath(endpoints)) {
    const methods = found.get(path) ?? new Set();
    found.set(path, methods.add(method.toUpperCase()));
    if (method === 'get') methods.add('HEAD');
  }
  return found;
}

interface Answering {
  context: CoreContext;
  admission: Admission;
  repeats: Repeats;
}

async function answer(
  { context, admission, repeats }: Answering,
  endpoint: ApiEndpoint,
  request: Request,
  response: Response,
): Promise<void> {
  const scope = getScope(request);
  scope.access = await admission.admitToApi(request);
  demandScope(scope.access.caller, endpoint.scope);
  const sent = endpoint.method === 'get' ? undefined : await readJson(request, response);
  const input = {
    params: endpoint.params === undefined ? { ...request.params } : parseInput(endpoint.params, { ...request.params }, 'path'),
    query: parseInput<unknown>(endpoint.query ?? NOTHING, { ...request.query }, 'query'),
    // A body where none is expected is a mistake worth telling; an empty object is none.
    body: parseInput<unknown>(endpoint.body ?? NOTHING, sent ?? {}, 'body'),
    facts: { ...scope.facts, ifMatch: readIfMatch(endpoint, request) },
  };
  const { caller } = scope.access;
  const work = () => endpoint.handle(context, caller, input);
  const asked = { key: readIdempotencyKey(request), route: `${request.method} ${request.originalUrl}`, body: sent ?? {} };
  // A read is the same however often it comes.
  const once = endpoint.method === 'get' ? undefined : await repeats.answerOnce(caller, asked, work);
  const reply = once?.reply ?? (await work());
  if (once?.isRepeat === true) response.setHeader('Idempotency-Replayed', 'true');
  const tag = chooseTag(endpoint, reply);
  if (tag !== undefined) response.setHeader('ETag', tag);
  if (tag !== undefined && endpoint.method === 'get' && isKnown(request, tag)) {
    response.status(304).end();
    return;
  }
  response.status(endpoint.status ?? 200);
  if (endpoint.bare === true) {
    response.json(reply.data);
    return;
  }
  const meta = {
    ...metaOf(context, request),
    ...(reply.next === undefined ? {} : { next: reply.next }),
    ...(reply.passedOver === undefined ? {} : { passedOver: reply.passedOver }),
    ...(isPaged(endpoint) ? describePage(reply, input.query as PageQuery) : {}),
  };
  response.json({ success: true, data: reply.data, error: null, meta });
}

function metaOf(context: Pick<CoreContext, 'clock'>, request: Request): { timestamp: string; requestId: string } {
  return { timestamp: new Date(context.clock.now()).toISOString(), requestId: getScope(request).id };
}

type PageQuery = { limit: number; cursor?: string; after?: number };

/** A first page that no other follows is the whole list; beyond that nobody counts for the asker's sake alone. */
function describePage({ data, next, total }: ApiReply<unknown>, query: PageQuery): { limit: number; total: number | null } {
  const isWhole = Array.isArray(data) && next === undefined && query.cursor === undefined && query.after === undefined;
  return { limit: query.limit, total: total ?? (isWhole ? data.length : null) };
}

/**
 * After a change, the version of the item. On a read, what its content comes to, behind the version where it has one: what is told
 * of an item, such as its newest backup, changes without a new version. Lists have no tag.
 */
function chooseTag(endpoint: ApiEndpoint, reply: ApiReply<unknown>): string | undefined {
  const { version } = reply;
  if (endpoint.method !== 'get') return version === undefined ? undefined : `"${version}"`;
  if (endpoint.bare === true || (version === undefined && !endpoint.path.includes('/:'))) return undefined;
  const content = createHash('sha256').update(JSON.stringify([reply.data, reply.next]));
  const tag = content.digest('base64url').slice(0, TAG_CHARS);
  return version === undefined ? `W/"${tag}"` : `"${version}-${tag}"`;
}

/** `If-None-Match` compares weakly: what was read before is still so. */
function isKnown(request: Request, tag: string): boolean {
  const bare = (text: string) => text.trim().replace(/^W\//, '');
  const known = request.get('if-none-match')?.split(',').map(bare) ?? [];
  return known.includes('*') || known.includes(bare(tag));
}

/** `If-Match: "3"`, or the tag of a read; `*` asks for nothing. A guard that nobody would look at is refused rather than left out. */
function readIfMatch(endpoint: ApiEndpoint, request: Request): number | undefined {
  const header = request.get('if-match');
  if (header === undefined || header.trim() === '*') return undefined;
  if (endpoint.guarded !== true) throw createHttpFault('invalid', 400, 'this end-point compares no version: leave If-Match out');
  const version = /^\s*(?:W\/)?"?(\d{1,15})(?:-[A-Za-z0-9_-]{1,64})?"?\s*$/.exec(header)?.[1];
  if (version === undefined)
    throw createHttpFault('invalid', 400, 'If-Match must name one version, as the ETag of the item gives it');
  return Number(version);
}

/** Answers any failure below the API's root in the envelope. */
export function createApiFailure(context: CoreContext): ErrorRequestHandler {
  return (thrown: unknown, request, response, _next) => {
    const scope = getScope(request);
    const failure = toHttpError(thrown, scope.id, request.get('if-match') !== undefined);
    logFailure(scope, failure, thrown);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (failure.retryAfterS !== undefined) response.setHeader('Retry-After', String(failure.retryAfterS));
    if (failure.status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
    response.status(failure.status).json({
      success: false,
      data: null,
      error: { code: chooseApiCode(failure.error), message: failure.message, details: failure.details },
      meta: metaOf(context, request),
    });
  };
}
