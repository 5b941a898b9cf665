/** What is known of a request from its first moment: its id, its log, where it comes from. */
import type { Request, RequestHandler } from 'express';
import type { Caller } from '../../core/caller.ts';
import type { CoreContext } from '../../core/ports.ts';
import type { ServerLog } from '../../log.ts';
import type { Session } from '../../store/people.ts';
import { readAddress } from './address.ts';
import type { RequestFacts } from './route.ts';

/** Who was let in, and by what. */
export interface Access {
  caller: Caller;
  /** Of whoever holds connections: a session's or a key's id. */
  holder: string;
  session?: Session | undefined;
  zone?: string | undefined;
  /** Whether it would still be let in now; for connections that outlive their request. */
  recheck(): Promise<boolean>;
}

export interface RequestScope {
  id: string;
  log: ServerLog;
  facts: RequestFacts;
  startedMs: number;
  /** Set once somebody was let in. */
  access?: Access | undefined;
  /** Failures are logged once, by whoever handles them first. */
  isLogged: boolean;
}

const FOREIGN_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$/;
const AGENT_CHARS = 300;
/** Asked for every few seconds by machines; worth a line only when one looks for it. */
const QUIET_PATHS = /\/(?:healthz|readyz|metrics|assets\/[^/]*)$/;

const scopes = new WeakMap<Request, RequestScope>();

export function getScope(request: Request): RequestScope {
  const scope = scopes.get(request);
  if (scope === undefined) throw new TypeError('this request has no scope yet');
  return scope;
}

/** Gives every request its scope and answers with its id; one line in the log when it ends. Never a query: it may hold a token. */
export function openScopes(context: Pick<CoreContext, 'clock' | 'createId'>, log: ServerLog): RequestHandler {
  return (request, response, next) => {
    const given = request.get('x-request-id');
    const id = given !== undefined && FOREIGN_ID.test(given) ? given : context.createId('request');
    const facts: RequestFacts = {
      address: readAddress(request),
      requestId: id,
      userAgent: (request.get('user-agent') ?? '').slice(0, AGENT_CHARS),
    };
    const scope: RequestScope = {
      id,
      facts,
      log: log.child({ area: 'http', request: id }),
      startedMs: context.clock.monotonicMs(),
      isLogged: false,
    };
    scopes.set(request, scope);
    response.setHeader('X-Request-Id', id);
    const path = request.path;
    response.once('close', () => {
      const line = {
        method: request.method,
        path,
        status: response.statusCode,
        ms: Math.round((context.clock.monotonicMs() - scope.startedMs) * 10) / 10,
        address: facts.address,
        ...(scope.access === undefined ? {} : { by: scope.access.caller.actor.id }),
        ...(response.writableFinished ? {} : { cut: true }),
      };
      if (QUIET_PATHS.test(path)) scope.log.debug(line, 'request');
      else scope.log.info(line, 'request');
    });
    next();
  };
}
