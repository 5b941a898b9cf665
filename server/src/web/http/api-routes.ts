/** Turns the API's table of end-points into handlers: admission, input, envelope. */
import { AppError } from '@holdfast/shared/errors.ts';
import type { ErrorRequestHandler, Request, Response } from 'express';
import { Router } from 'express';
import * as z from 'zod';
import type { CoreContext } from '../../core/ports.ts';
import type { Admission } from './admission.ts';
import { readJson } from './bodies.ts';
import { logFailure } from './failure-log.ts';
import { API_CODES, createHttpFault, parseInput, toHttpError } from './http-error.ts';
import { getScope } from './request-scope.ts';
import type { ApiEndpoint } from './route.ts';
import { sortByPath } from './route-order.ts';

const NOTHING = z.strictObject({});

/** A router for everything below the API's root; what no end-point answers is `not_found`. */
export function createApiRouter(context: CoreContext, admission: Admission, endpoints: readonly ApiEndpoint[]): Router {
  const router = Router({ caseSensitive: true });
  for (const endpoint of sortByPath(endpoints)) {
    router[endpoint.method](endpoint.path, async (request: Request, response: Response) => {
      await answer(context, admission, endpoint, request, response);
    });
  }
  router.use(async (request) => {
    await admission.admitToApi(request);
    throw new AppError('not_found', `there is no ${request.method} ${request.path} in this API`);
  });
  return router;
}

async function answer(
  context: CoreContext,
  admission: Admission,
  endpoint: ApiEndpoint,
  request: Request,
  response: Response,
): Promise<void> {
  const scope = getScope(request);
  scope.access = await admission.admitToApi(request);
  const sent = endpoint.method === 'get' ? undefined : await readJson(request, response);
  const input = {
    params: endpoint.params === undefined ? { ...request.params } : parseInput(endpoint.params, { ...request.params }, 'path'),
    query: parseInput<unknown>(endpoint.query ?? NOTHING, { ...request.query }, 'query'),
    // A body where none is expected is a mistake worth telling; an empty object is none.
    body: parseInput<unknown>(endpoint.body ?? NOTHING, sent ?? {}, 'body'),
    facts: { ...scope.facts, ifMatch: readIfMatch(request) },
  };
  const reply = await endpoint.handle(context, scope.access.caller, input);
  if (reply.version !== undefined) response.setHeader('ETag', `"${reply.version}"`);
  response.status(endpoint.status ?? 200);
  if (endpoint.bare === true) {
    response.json(reply.data);
    return;
  }
  const meta = { ...metaOf(context, request), ...(reply.next === undefined ? {} : { next: reply.next }) };
  response.json({ success: true, data: reply.data, error: null, meta });
}

function metaOf(context: Pick<CoreContext, 'clock'>, request: Request): { timestamp: string; requestId: string } {
  return { timestamp: new Date(context.clock.now()).toISOString(), requestId: getScope(request).id };
}

/** `If-Match: "3"`; `*` asks for nothing. */
function readIfMatch(request: Request): number | undefined {
  const header = request.get('if-match');
  if (header === undefined || header.trim() === '*') return undefined;
  const version = /^\s*(?:W\/)?"?(\d{1,15})"?\s*$/.exec(header)?.[1];
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
      error: { code: API_CODES[failure.error.code], message: failure.message, details: failure.details },
      meta: metaOf(context, request),
    });
  };
}
