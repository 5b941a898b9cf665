import * as z from 'zod';

/** The public API answered with a failure, in its own words. */
export class ApiFailure extends Error {
  override name = 'ApiFailure';
  readonly status: number;
  readonly code: string;

  constructor(what: string, status: number, code: string, message: string) {
    super(`${what} answered ${status} ${code}: ${message}`);
    this.status = status;
    this.code = code;
  }
}

export type Api = {
  get<T>(path: string, schema: z.ZodType<T>): Promise<T>;
  post<T>(path: string, body: object, schema: z.ZodType<T>): Promise<T>;
  patch<T>(path: string, body: object, schema: z.ZodType<T>): Promise<T>;
};

const envelope = z.object({
  success: z.boolean(),
  data: z.unknown(),
  error: z.object({ code: z.string(), message: z.string(), details: z.unknown().optional() }).nullable(),
});

/** Requests with a test of a repository or source wait for the host's tools. */
const TIMEOUT_MS = 90_000;

/** A client of the JSON API under `/api/v1`. Each answer is checked for the fields the demo uses. */
export function createApi(url: string, key: string, signal: AbortSignal): Api {
  async function call<T>(method: string, path: string, body: object | undefined, schema: z.ZodType<T>): Promise<T> {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    const what = `${method} ${path}`;
    const parsed = envelope.safeParse(await response.json().catch(() => undefined));
    if (!parsed.success) throw new ApiFailure(what, response.status, '', 'no JSON envelope');
    const { success, data, error } = parsed.data;
    if (!success || !response.ok) {
      const details = error?.details === undefined ? '' : ` ${JSON.stringify(error.details)}`;
      throw new ApiFailure(what, response.status, error?.code ?? '', `${error?.message ?? 'no reason given'}${details}`);
    }
    return schema.parse(data);
  }
  return {
    get: (path, schema) => call('GET', path, undefined, schema),
    post: (path, body, schema) => call('POST', path, body, schema),
    patch: (path, body, schema) => call('PATCH', path, body, schema),
  };
}
