/**
 * The closed set of errors. Each boundary (HTTP, wire, run outcome, CLI) maps them once; nothing else invents codes.
 * A message says what happened, why, and what to do about it; it never carries a secret.
 */

export const ERROR_CODES = [
  'invalid',
  'unauthenticated',
  'forbidden',
  'not_found',
  'conflict',
  'precondition',
  'limit',
  'unavailable',
  'cancelled',
  'tool_failed',
  'integrity',
  'unsupported',
  'internal',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** Whether the same call can help: `never`, `later` (as it is), or `after_change` of input or configuration. */
export type Retry = 'never' | 'later' | 'after_change';

const DEFAULT_RETRY: Record<ErrorCode, Retry> = {
  invalid: 'after_change',
  unauthenticated: 'after_change',
  forbidden: 'never',
  not_found: 'after_change',
  conflict: 'after_change',
  precondition: 'after_change',
  limit: 'later',
  unavailable: 'later',
  cancelled: 'never',
  tool_failed: 'later',
  integrity: 'never',
  unsupported: 'never',
  internal: 'later',
};

/** JSON values only, so that details survive the wire and the store. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

export interface AppErrorOptions {
  retry?: Retry;
  details?: ErrorDetails;
  cause?: unknown;
}

export class AppError extends Error {
  readonly code: ErrorCode;
  readonly retry: Retry;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    // `integrity` is never retried, whatever the caller says: a second try could hide the evidence.
    this.retry = code === 'integrity' ? 'never' : (options.retry ?? DEFAULT_RETRY[code]);
    this.details = options.details ?? {};
  }
}

/** The error as it crosses a process boundary. */
export interface WireError {
  code: ErrorCode;
  message: string;
  retry: Retry;
  details?: ErrorDetails | undefined;
}

/** Turns anything thrown into an AppError; what is not one becomes `internal` with the original as cause. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return new AppError('internal', `unexpected error: ${text}`, { cause: thrown });
}

/**
 * The error for the other side of the wire. The text of an `internal` error stays at home: the reader gets
 * the reference under which it was logged instead.
 */
export function toWireError(error: AppError, reference: string): WireError {
  if (error.code === 'internal') {
    return { code: 'internal', message: `internal error, see the log under ${reference}`, retry: error.retry };
  }
  return { code: error.code, message: error.message, retry: error.retry, details: error.details };
}

export function fromWireError(wire: WireError): AppError {
  return new AppError(wire.code, wire.message, { retry: wire.retry, details: wire.details ?? {} });
}
