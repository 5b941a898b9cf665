/** A client of `/api/v1`: one place for the key, the envelope, cursors, and what each refusal means for the exit code. */
import * as z from 'zod';
import { CliError, EXIT, type ExitCode } from './exit.ts';
import type { Login } from './login.ts';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Asked {
  query?: Query | undefined;
  body?: unknown;
  /** Version that a change was made for. */
  version?: number | undefined;
  /** Makes a repeat of the same call harmless. */
  idempotencyKey?: string | undefined;
}

/** Replies are parsed by the caller's schema; fields it does not name stay, so that `--json` shows them. */
export interface Client {
  readonly server: string;
  get<T>(schema: z.ZodType<T>, path: string, query?: Query): Promise<T>;
  /** What one GET answers, as it is; `next` is the cursor of the page after it, where there is one. */
  read(
    path: string,
    query?: Query,
  ): Promise<{ data: unknown; next: string | undefined; passedOver?: readonly string[] | undefined }>;
  send<T>(schema: z.ZodType<T>, method: 'POST' | 'PATCH' | 'DELETE', path: string, asked?: Asked): Promise<T>;
  /**
   * All rows of a list, page by page; at most `atMost` where that is given. `onPassedOver` hears of what a search follows less of than
   * fits it.
   */
  list<T>(
    schema: z.ZodType<T>,
    path: string,
    query?: Query,
    atMost?: number,
    onPassedOver?: (kinds: readonly string[]) => void,
  ): Promise<readonly T[]>;
}

export const rowSchema = z.record(z.string(), z.unknown());
export type Row = z.infer<typeof rowSchema>;

/** What the server refused, with its own code. */
class RefusedError extends CliError {
  readonly status: number;
  readonly code: string;

  constructor(exitCode: ExitCode, status: number, code: string, message: string) {
    super(exitCode, message);
    this.name = 'RefusedError';
    this.status = status;
    this.code = code;
  }
}

const ANSWER_MS = 120_000;
const PAGE = 200;

const successSchema = z.object({
  success: z.literal(true),
  data: z.unknown(),
  meta: z.object({ next: z.string().optional(), passedOver: z.array(z.string()).optional() }),
});
type Success = z.infer<typeof successSchema>;

const envelopeSchema = z.union([
  successSchema,
  z.object({
    success: z.literal(false),
    error: z.object({ code: z.string(), message: z.string() }),
    meta: z.object({ requestId: z.string() }),
  }),
]);

function toExitCode(status: number): ExitCode {
  if (status === 401) return EXIT.usage;
  return status === 503 || status === 429 ? EXIT.unreachable : EXIT.failed;
}

function formatQuery(query: Query | undefined): string {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== '');
  return given.length === 0 ? '' : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()}`;
}

/** The reason below a failed fetch, such as ECONNREFUSED; never the request, which holds the key. */
function describeFailure(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code;
  return cause instanceof Error && cause.name === 'TimeoutError' ? 'no answer in time' : 'the connection failed';
}

export function createClient(login: Login, signal?: AbortSignal): Client {
  async function ask(method: string, path: string, { query, body, version, idempotencyKey }: Asked = {}) {
    const headers: Record<string, string> = { authorization: `Bearer ${login.key}`, accept: 'application/json' };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (version !== undefined) headers['if-match'] = `"${version}"`;
    if (idempotencyKey !== undefined) headers['idempotency-key'] = idempotencyKey;
    const limit = AbortSignal.timeout(ANSWER_MS);
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${login.server}/api/v1${path}${formatQuery(query)}`, {
        method,
        headers,
        // A key is sent to the server it was made for and to no other.
        redirect: 'error',
        signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      text = await response.text();
    } catch (thrown) {
      throw new CliError(EXIT.unreachable, `${login.server} cannot be reached: ${describeFailure(thrown)}`);
    }
    return { response, envelope: readEnvelope(response.status, text) };
  }

  function readEnvelope(status: number, text: string): Success | { bare: unknown } {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      const exit = status >= 500 ? EXIT.unreachable : EXIT.failed;
      throw new CliError(exit, `${login.server} answered ${status}, and not as a Holdfast server does`);
    }
    const envelope = envelopeSchema.safeParse(value);
    if (!envelope.success) return { bare: value };
    if (!envelope.data.success) {
      const { error, meta } = envelope.data;
      const more = status >= 500 ? ` (request ${meta.requestId})` : '';
      throw new RefusedError(toExitCode(status), status, error.code, `${error.message}${more}`);
    }
    return envelope.data;
  }

  function parse<T>(schema: z.ZodType<T>, path: string, value: unknown): T {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw new CliError(EXIT.failed, `${login.server} answered ${path} in a way this version does not understand`);
  }

  async function read(path: string, query?: Query) {
    const { envelope } = await ask('GET', path, { query });
    return 'bare' in envelope
      ? { data: envelope.bare, next: undefined }
      : { data: envelope.data, ...envelope.meta, next: envelope.meta.next };
  }

  return {
    server: login.server,
    read,
    async get(schema, path, query) {
      return parse(schema, path, (await read(path, query)).data);
    },
    async send(schema, method, path, asked) {
      const { envelope } = await ask(method, path, asked);
      return parse(schema, path, 'bare' in envelope ? envelope.bare : envelope.data);
    },
    async list(schema, path, query = {}, atMost = Number.POSITIVE_INFINITY, onPassedOver = () => undefined) {
      const pageSchema = z.array(schema);
      const rows: z.infer<typeof schema>[] = [];
      let cursor: string | undefined;
      do {
        const limit = Math.min(PAGE, atMost - rows.length);
        const page = await read(path, { ...query, limit, cursor });
        rows.push(...parse(pageSchema, path, page.data));
        if (cursor === undefined && page.passedOver !== undefined) onPassedOver(page.passedOver);
        cursor = page.next;
      } while (cursor !== undefined && rows.length < atMost);
      return rows;
    },
  };
}
