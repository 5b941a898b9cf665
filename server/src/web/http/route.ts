/**
 * Routes as data. Screens and API end-points are plain tables of these; only this folder turns them into Express
 * handlers, and the OpenAPI document and the link test read the very same tables.
 */

import type { PassedOver } from '@holdfast/shared/domain/list-orders.ts';
import * as z from 'zod';
import type { Scope } from '../../core/accounts/scopes.ts';
import type { Caller } from '../../core/caller.ts';
import type { CoreContext } from '../../core/ports.ts';
import type { Html } from '../html.ts';
import type { AssetPaths } from '../ui/layout.ts';
import type { Urls } from '../urls.ts';

/** What a handler may know of the HTTP request itself. */
export interface RequestFacts {
  /** Socket address, or the forwarded one where `HOLDFAST_TRUST_PROXY` says so. */
  address: string;
  requestId: string;
  userAgent: string;
  /** The version that `If-Match` names; undefined when absent, and for end-points that are not guarded. */
  ifMatch?: number | undefined;
}

/** Methods of the API. */
export type ApiMethod = 'get' | 'post' | 'patch' | 'delete';

/** An end-point of `/api/v1`. The reply's `data` is validated in tests against `reply`, and documented from it. */
export interface ApiEndpoint<P = unknown, Q = unknown, B = unknown, R = unknown> {
  method: ApiMethod;
  /** Below `/api/v1`, with `:name` parameters. */
  path: string;
  /** One sentence for the reference. */
  summary: string;
  /** What a key, or the role of a person, must hold; asked before anything of the request is read. */
  scope: Scope;
  tag: string;
  params?: z.ZodType<P>;
  query?: z.ZodType<Q>;
  /** Strict: unknown fields are refused by name. */
  body?: z.ZodType<B>;
  reply: z.ZodType<R>;
  /** 200 when left out; 201 for what was made, 202 for what was started. */
  status?: 200 | 201 | 202;
  /** Replies have a version that is not among their data. */
  versioned?: true;
  /** `If-Match` is held against the version of what it changes; any other end-point refuses the header. */
  guarded?: true;
  /** The data is the whole answer, without the envelope: for documents of a foreign format, such as OpenAPI. */
  bare?: true;
  handle(
    context: CoreContext,
    caller: Caller,
    input: { params: P; query: Q; body: B; facts: RequestFacts },
  ): Promise<ApiReply<R>>;
}

export interface ApiReply<R> {
  data: R;
  /** Cursor of the next page, for lists. */
  next?: string | undefined;
  /** How many rows all pages have together, where that is known at no cost. */
  total?: number | undefined;
  /** Kinds of which a search follows less than fits it. */
  passedOver?: readonly PassedOver[] | undefined;
  /** Version of a single item, sent as `ETag`. */
  version?: number | undefined;
}

/** Whether replies carry a version: then their `ETag` begins with it. */
export function hasVersion(endpoint: Pick<ApiEndpoint, 'reply' | 'versioned'>): boolean {
  if (endpoint.versioned === true) return true;
  return endpoint.reply instanceof z.ZodObject && 'version' in endpoint.reply.shape;
}

/** Whether it answers page by page. */
export function isPaged({ query }: Pick<ApiEndpoint, 'query'>): boolean {
  return query instanceof z.ZodObject && 'limit' in query.shape;
}

/** Keeps the four types together while the table holds the wide one. */
export function defineEndpoint<P, Q, B, R>(endpoint: ApiEndpoint<P, Q, B, R>): ApiEndpoint {
  return endpoint as unknown as ApiEndpoint;
}

/** Who looks at a page, and how. */
export interface Visit<P = Record<string, string>, Q = Record<string, string | string[]>, F = Record<string, string | string[]>> {
  caller: Caller;
  /** Path parameters. */
  params: P;
  query: Q;
  /** The posted form; empty for GET. */
  form: F;
  facts: RequestFacts;
  /** htmx asks for a part of the page: the handler may answer with the fragment alone. */
  isFragment: boolean;
  /** The ids of the elements that will be replaced: the one htmx says, or those a page keeps up to date at this address. */
  fragmentTargets: readonly string[];
  /** The path of this request with its query, for forms that come back here. */
  here: string;
  /** Typed paths, with the base URL's own path before them. */
  urls: Urls;
  /** What the page shell shows around every page. */
  frame: VisitFrame;
  /**
   * Takes one attempt at a secret (a login, a bootstrap token, one's own password) from the budget of this address and
   * name. Throws `limit` when it is used up; called before anything costly.
   */
  takeAttempt(name: string): Promise<void>;
}

export interface VisitFrame {
  /** Public paths of the page's own files, as the running server publishes them. */
  assets: AssetPaths;
  /** IANA zone in which this person reads times; undefined when nobody said. */
  zone?: string | undefined;
  /** Where the live stream stood before the handler read anything; undefined when nobody is signed in. */
  streamFrom?: string | undefined;
  /** What the last act left to say; shown once. */
  flash: readonly FlashMessage[];
  /** What keeps the server itself from its work; shown first, for as long as it lasts. */
  trouble: readonly Trouble[];
}

export interface Trouble {
  tone: 'warning' | 'problem';
  text: string;
}

export interface FlashMessage {
  tone: 'good' | 'bad';
  text: string;
  /** The form that takes the act back, at an address of this server. */
  undo?: { action: string; hidden: Readonly<Record<string, string>> } | undefined;
}

/** A new session, as `core/accounts/accounts.ts` issues it; the token goes into the cookie and nowhere else. */
export interface SessionCookie {
  token: string;
  expiresAt: number;
}

export type PageReply =
  | { kind: 'page'; html: Html; status?: number }
  /** See other: after a successful POST. `flash` is shown once on the next page. */
  | {
      kind: 'redirect';
      to: string;
      flash?: FlashMessage | undefined;
      /** Signs this browser in with a new session, or out. */
      session?: SessionCookie | 'end' | undefined;
    }
  | { kind: 'download'; fileName: string; contentType: string; body: string | AsyncIterable<string> };

/** A screen's route. GET never changes anything; POST passes the CSRF guard before the handler sees it. */
export interface ScreenRoute {
  method: 'get' | 'post';
  path: string;
  handle(context: CoreContext, visit: Visit): Promise<PageReply>;
}

/** A visit by somebody who need not be signed in. */
export interface PublicVisit extends Omit<Visit, 'caller'> {
  /** Undefined when nobody is signed in. */
  caller: Caller | undefined;
  /** Cookies of ours that public pages set, by the names in `PublicReply.cookies`. */
  cookies: Readonly<Record<string, string>>;
  /** The present session's token, which a new login replaces. */
  sessionToken: string | undefined;
}

export type PublicReply = PageReply & {
  /** Short-lived HttpOnly cookies below the route's own path; an empty value removes one. */
  cookies?: Readonly<Record<string, string>> | undefined;
  /** Nothing of this answer's address may go to another server, nor within this one. */
  noReferrer?: boolean | undefined;
  /** Seconds, for `Retry-After`. */
  retryAfterS?: number | undefined;
};

/** A screen anyone may open: login and first start. POST passes the CSRF guard as everywhere. */
export interface PublicRoute {
  method: 'get' | 'post';
  path: string;
  access: 'public';
  handle(context: CoreContext, visit: PublicVisit): Promise<PublicReply>;
}
