/** One mapping from the closed set of errors to HTTP, for the API and for pages. */
import { AppError, type ErrorCode, type ErrorDetails, toAppError } from '@holdfast/shared/errors.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import type * as z from 'zod';
import { TOOL_PLACES, type ToolPlace } from '../../core/adapters/tool-place.ts';

const STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  precondition: 409,
  limit: 429,
  unavailable: 503,
  cancelled: 409,
  tool_failed: 502,
  // What was asked for stands against what is stored or signed: trying again changes nothing, a person has to look.
  integrity: 409,
  unsupported: 501,
  internal: 500,
};

/** The names programs compare. */
export const API_CODES: Readonly<Record<ErrorCode, string>> = {
  invalid: 'VALIDATION_ERROR',
  unauthenticated: 'UNAUTHORIZED',
  forbidden: 'FORBIDDEN',
  not_found: 'NOT_FOUND',
  conflict: 'CONFLICT',
  precondition: 'PRECONDITION_FAILED',
  limit: 'LIMIT_EXCEEDED',
  unavailable: 'UNAVAILABLE',
  cancelled: 'CANCELLED',
  tool_failed: 'TOOL_FAILED',
  integrity: 'INTEGRITY_ERROR',
  unsupported: 'UNSUPPORTED',
  internal: 'INTERNAL_ERROR',
};

/** A tool that failed has a code of its own where it was at a database or at S3. */
const PLACE_CODES: Readonly<Record<ToolPlace, string>> = { database: 'DATABASE_ERROR', s3: 'S3_ERROR' };

export function chooseApiCode({ code, details }: AppError): string {
  const place = code === 'tool_failed' ? TOOL_PLACES.find((one) => one === details['place']) : undefined;
  return place === undefined ? API_CODES[code] : PLACE_CODES[place];
}

/** All of them. */
export const API_CODE_NAMES: readonly string[] = [...Object.values(API_CODES), ...Object.values(PLACE_CODES)];

/** How long to wait where the error does not say it itself: what is not there now may be in a moment. */
const USUAL_WAIT_S: { readonly [C in ErrorCode]?: number } = { unavailable: 10, limit: 10 };

/** Errors of HTTP itself, told apart from the domain's by this detail, which stays inside this folder. */
const HTTP_STATUS_DETAIL = 'httpStatus';

export interface HttpError {
  status: number;
  error: AppError;
  /** What the reader is told; the text of an internal error stays in the log. */
  message: string;
  details: ErrorDetails;
  /** Seconds, for `Retry-After`. */
  retryAfterS?: number | undefined;
}

export function createHttpFault(code: ErrorCode, status: number, message: string): AppError {
  return new AppError(code, message, { details: { [HTTP_STATUS_DETAIL]: status } });
}

/** Turns anything thrown while answering into what is sent. `ifMatch`: the request named a version. */
export function toHttpError(thrown: unknown, requestId: string, hasIfMatch = false): HttpError {
  const error = fromParser(thrown) ?? toAppError(thrown);
  const { [HTTP_STATUS_DETAIL]: own, ...details } = error.details;
  const named = details['retryAfterS'];
  // What HTTP itself refuses, such as a body that is too large, is not helped by waiting.
  const usual = error.retry === 'later' && own === undefined ? USUAL_WAIT_S[error.code] : undefined;
  const retryAfterS = typeof named === 'number' ? named : usual;
  const message =
    error.code === 'internal' ? `something went wrong on the server; its log has the reason under ${requestId}` : error.message;
  const shown = error.code === 'internal' ? {} : details;
  return { status: typeof own === 'number' ? own : chooseStatus(error, hasIfMatch), error, message, details: shown, retryAfterS };
}

function chooseStatus(error: AppError, hasIfMatch: boolean): number {
  if (error.code === 'conflict' && error.details['gone'] === true) return 410;
  // The store names what clashes: a field that is taken, or the version, when the one that the request named is not the newest.
  const isStale = error.code === 'conflict' && error.details['field'] === 'version';
  return hasIfMatch && isStale ? 412 : STATUS[error.code];
}

/** What express and its body parsers throw, in our words. */
function fromParser(thrown: unknown): AppError | undefined {
  if (!(thrown instanceof Error) || thrown instanceof AppError || !('status' in thrown)) return undefined;
  const type = 'type' in thrown ? thrown.type : undefined;
  switch (type) {
    case 'entity.too.large':
    case 'parameters.too.many':
      return createHttpFault('limit', 413, 'the request is larger than this server reads');
    case 'entity.parse.failed':
      return createHttpFault('invalid', 400, 'the body is not valid JSON');
    case 'charset.unsupported':
    case 'encoding.unsupported':
      return createHttpFault('invalid', 415, 'send the body as UTF-8, compressed at most with gzip, deflate or br');
    case 'request.aborted':
      return createHttpFault('cancelled', 400, 'the request ended before its body was read');
  }
  const { status } = thrown;
  if (typeof status !== 'number' || status < 400 || status >= 500) return undefined;
  return createHttpFault('invalid', status, 'the request cannot be read');
}

interface Issue {
  readonly code: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
  readonly errors?: readonly (readonly Issue[])[];
}

/**
 * Checks what came from outside. Throws `invalid` that names each wrong and each unknown field, with a detail
 * `field.<path>` for each and the list `fields`; `what` is where it stood.
 */
export function parseInput<T>(schema: z.ZodType<T>, value: unknown, what: 'body' | 'query' | 'path'): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const found = (parsed.error.issues as readonly Issue[]).flatMap((issue) => listIssues(issue, [])).slice(0, HTTP.issuesShown);
  const details = {
    ...Object.fromEntries([...found].reverse().map(({ field, text }) => [`field.${field}`, text])),
    fields: found.map(({ field }) => field),
  };
  const messages = found.map(({ field, text }) => (field === '' ? text : `${field}: ${text}`));
  throw new AppError('invalid', `the ${what} is not accepted: ${messages.join('; ')}`, { details });
}

/** A union's issues are those of the branch that came furthest, which is the one that was meant. */
function listIssues(issue: Issue, before: readonly PropertyKey[]): { field: string; text: string }[] {
  const path = [...before, ...issue.path];
  const name = path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    return (issue.keys ?? []).map((key) => ({
      field: [...path.map(String), key].join('.').slice(0, 200),
      text: 'unknown field',
    }));
  }
  const branches = issue.errors ?? [];
  if (issue.code === 'invalid_union' && branches.length > 0) {
    const best = [...branches].sort((a, b) => depthOf(b) - depthOf(a) || a.length - b.length)[0] ?? [];
    if (best.length > 0) return best.flatMap((inner) => listIssues(inner, path));
  }
  return [{ field: name, text: issue.message }];
}

function depthOf(issues: readonly Issue[]): number {
  return Math.max(0, ...issues.map((issue) => issue.path.length));
}
