/** What an answer means for a message, the same for every kind of channel that speaks HTTP. */
import { AppError } from '@holdfast/shared/errors.ts';
import type { GuardedHttp, OutgoingAnswer, OutgoingRequest } from './guarded-http.ts';

/**
 * Why a message was not taken. `busy` passes by itself; `settings` (not found, not allowed, leads elsewhere) waits for a person to mend
 * the channel, and is tried seldom until then; `message` is about this one alone, which is never taken.
 */
export type Fault = 'busy' | 'settings' | 'message';

const MESSAGE_STATUSES: ReadonlySet<number> = new Set([400, 406, 411, 413, 415, 422]);
const BUSY_STATUSES: ReadonlySet<number> = new Set([408, 423, 424, 425, 429]);

function judgeStatus(status: number): Fault {
  if (status >= 500 || BUSY_STATUSES.has(status)) return 'busy';
  return MESSAGE_STATUSES.has(status) ? 'message' : 'settings';
}

/** An attempt that led to nothing, in words without anything secret. */
export function createRefusal(
  text: string,
  details: { status?: number; fault: Fault; retryAfterMs?: number | undefined },
): AppError {
  const { status, fault, retryAfterMs } = details;
  return new AppError('unavailable', text, {
    retry: fault === 'busy' ? 'later' : 'after_change',
    details: { fault, status: status ?? null, retryAfterMs: retryAfterMs ?? null },
  });
}

/** Throws a refusal for any answer but 200 to 299. `wait` finds a wait that the body names. */
export function demandSuccess(answer: OutgoingAnswer, wait?: (body: string) => number | undefined): string {
  const { status } = answer;
  if (status >= 200 && status < 300) return `answered ${status}`;
  const elsewhere = status >= 300 && status < 400 ? ' and points elsewhere, which is not followed' : '';
  const retryAfterMs = answer.retryAfterMs ?? (status === 429 ? wait?.(answer.body) : undefined);
  throw createRefusal(`it answered ${status}${elsewhere}`, { status, fault: judgeStatus(status), retryAfterMs });
}

export interface JsonPost {
  url: URL;
  json: unknown;
  headers?: Readonly<Record<string, string>>;
  method?: OutgoingRequest['method'];
}

export async function postJson(
  http: GuardedHttp,
  { url, json, headers = {}, method = 'POST' }: JsonPost,
): Promise<OutgoingAnswer> {
  const heads = { 'content-type': 'application/json', 'user-agent': 'Holdfast', ...headers };
  return http.ask({ url, method, headers: heads, body: JSON.stringify(json) });
}
