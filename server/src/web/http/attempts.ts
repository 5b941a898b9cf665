/** How often something may be tried. Counts live in this process and end with it. */
import { AppError } from '@holdfast/shared/errors.ts';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';

export interface AttemptLimiter {
  /** Takes one attempt; `limit` with `details.retryAfterS` when there is none left in this minute. */
  take(key: string): Promise<void>;
}

const WINDOW_S = 60;
const KEY_CHARS = 300;

export function createAttemptLimiter(name: string, perMinute: number, refusal: string): AttemptLimiter {
  const limiter = new RateLimiterMemory({ keyPrefix: name, points: perMinute, duration: WINDOW_S });
  return {
    async take(key) {
      try {
        await limiter.consume(key.slice(0, KEY_CHARS));
      } catch (refused) {
        if (!(refused instanceof RateLimiterRes)) throw refused;
        const retryAfterS = Math.max(1, Math.ceil(refused.msBeforeNext / 1000));
        throw new AppError('limit', `${refusal}; try again in ${retryAfterS} seconds`, { details: { retryAfterS } });
      }
    },
  };
}

/** Addresses that one party can change at will count as one: an IPv6 customer owns at least a /64. */
export function groupAddress(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.toLowerCase().split('%')[0]?.split('::') ?? [];
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  return [...first, ...Array.from({ length: gap }, () => '0'), ...last].slice(0, 4).join(':');
}
