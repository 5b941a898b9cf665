/**
 * The OpenAPI 3.1 document, made from the very table that is served. Schemas with a name become components; replies are
 * open to new fields, input is not.
 */

import { PASSED_OVER } from '@holdfast/shared/domain/list-orders.ts';
import { RUN_KINDS } from '@holdfast/shared/domain/run.ts';
import { SEARCH } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import { SCOPE_WORDS, SCOPES } from '../../../core/accounts/scopes.ts';
import { sessionCookieName } from '../../http/cookies.ts';
import { API_CODE_NAMES } from '../../http/http-error.ts';
import { type ApiEndpoint, hasVersion, isPaged } from '../../http/route.ts';
import { API_ROOT } from '../../urls.ts';
import { ANSWER_HEADERS, IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH } from './openapi-headers.ts';
import { STREAM_OPERATION } from './openapi-stream.ts';

/** JSON as it is written out. */
export type JsonObject = { [name: string]: unknown };

export interface OpenApiDocument extends JsonObject {
  openapi: '3.1.0';
  paths: Record<string, Record<string, JsonObject>>;
  components: { schemas: Record<string, JsonObject> } & JsonObject;
}

const TAGS: Record<string, string> = {
  fleet: 'How everything stands',
  hosts: 'Machines with an agent, and how they leave',
  enrolment: 'Machines that want to join: who waits, who was turned away, and tokens that let them in',
  sources: 'What is protected',
  repositories: 'Where backups live',
  recovery: 'Opening repositories without this server, with a key that people keep',
  contents: 'What a repository really holds, whoever put it there',
  plans: 'Which sources go where, and when',
  'shared-schedules': 'When plans are due, where several share it',
  'retention-policies': 'How long snapshots are kept',
  runs: `One execution each: ${RUN_KINDS.map((kind) => `\`${kind}\``).join(', ')}`,
  snapshots: 'What can be brought back',
  restores: 'Bringing a snapshot back',
  drills: 'Proving that it can be brought back',
  coverage: 'What hosts found that is no source, and how the days went',
  objectives: 'How old backups and proofs may be',
  settings: 'What holds for the whole installation',
  alerts: 'What is wrong, and who sees to it',
  channels: 'Who is told of alerts, and what became of each message',
  adapters: 'Kinds of sources and repositories with their fields',
  audit: 'Who did what',
  people: 'Who may ask',
  reference: 'This document, and what happens live',
};

const metaFields = {
  timestamp: z.iso.datetime().meta({ description: 'When the server answered' }),
  requestId: z.string().meta({ description: 'Under which the server’s log has this request' }),
};

const errorSchema = z
  .strictObject({
    success: z.literal(false),
    data: z.null(),
    error: z.strictObject({
      code: z.enum(API_CODE_NAMES).meta({
        description:
          'CONFLICT comes with 412 when `If-Match` named a version that is not the newest, with 409 otherwise. INTEGRITY_ERROR (409) means that something stored, signed or sealed is not what it should be: trying again changes nothing, a person has to look. DATABASE_ERROR and S3_ERROR (502) are what TOOL_FAILED is where the tool was at a database or at S3',
      }),
      message: z.string().meta({ description: 'What happened, why, and what to do about it' }),
      details: z
        .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string())]))
        .meta({ description: 'Such as `field.name`: what is wrong with that field' }),
    }),
    meta: z.strictObject(metaFields),
  })
  .meta({ id: 'Error' });

const metaSchema = z
  .strictObject({
    ...metaFields,
    next: z.string().optional().meta({ description: 'The cursor of the next page; absent on the last' }),
    passedOver: z
      .array(z.enum(PASSED_OVER))
      .optional()
      .meta({
        description: `With \`search\` in runs and snapshots: of these, more fit than the first ${SEARCH.names} by name that are followed (of ids, the newest ${SEARCH.ids}); a longer text finds the rest`,
      }),
    limit: z.int().optional().meta({ description: 'Rows of a page at most; of lists' }),
    total: z
      .int()
      .nullable()
      .optional()
      .meta({ description: 'Rows of all pages together; null where nobody has counted them. Of lists' }),
  })
  .meta({ id: 'Meta' });

const SCOPE_LINES = SCOPES.map((scope) => `\`${scope}\` (may ${SCOPE_WORDS[scope]})`).join('; ');

interface SchemaBook {
  readonly components: Record<string, JsonObject>;
  /** The schema as JSON Schema; the named ones inside become components. */
  write(schema: z.ZodType, io: 'input' | 'output'): JsonObject;
}

function createSchemaBook(): SchemaBook {
  const components: Record<string, JsonObject> = {};
  return {
    components,
    write(schema, io) {
      const written = z.toJSONSchema(schema, {
        io,
        override: ({ jsonSchema }) => {
          if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
          delete jsonSchema['id'];
        },
      });
      const { $schema: _dialect, $defs, ...own } = rewriteReferences(written) as JsonObject;
      Object.assign(components, $defs);
      return own;
    },
  };
}

function rewriteReferences(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rewriteReferences);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) =>
      key === '$ref' && typeof inner === 'string'
        ? [key, inner.replace(/^#\/\$defs\//u, '#/components/schemas/')]
        : [key, rewriteReferences(inner)],
    ),
  );
}

function toTemplate(path: string): string {
  return path.replace(/:([a-zA-Z]+)/gu, '{$1}');
}

/** `GET /hosts/:id/happenings` is `getHostsIdHappenings`. */
function toOperationId({ method, path }: Pick<ApiEndpoint, 'method' | 'path'>): string {
  const words = path.split(/[^a-zA-Z]+/u).filter((word) => word !== '');
  return method + words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('');
}

function writeParameters(book: SchemaBook, schema: z.ZodType | undefined, place: 'path' | 'query'): JsonObject[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = book.write(schema, 'input') as {
    properties?: Record<string, JsonObject>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description, ...shape }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: shape,
  }));
}

/** Whether replies carry an `ETag`: the version of an item, or on a read what its content comes to. */
function hasTag(endpoint: ApiEndpoint): boolean {
  return hasVersion(endpoint) || isReadOfOne(endpoint);
}

function isReadOfOne(endpoint: ApiEndpoint): boolean {
  const { method, path, bare } = endpoint;
  return method === 'get' && bare !== true && (path.includes('/:') || hasVersion(endpoint));
}

const ERROR_RESPONSES: JsonObject = {
  '4XX': { $ref: '#/components/responses/Refused' },
  '5XX': { $ref: '#/components/responses/Failed' },
};

function writeEnvelope(reply: JsonObject): JsonObject {
  return {
    type: 'object',
    properties: {
      success: { const: true },
      data: reply,
      error: { type: 'null' },
      meta: { $ref: '#/components/schemas/Meta' },
    },
    required: ['success', 'data', 'error', 'meta'],
  };
}

function writeReply(book: SchemaBook, endpoint: ApiEndpoint): JsonObject {
  const reply = book.write(endpoint.reply, 'output');
  const headers = {
    headers: {
      'X-Request-Id': { $ref: '#/components/headers/RequestId' },
      ...(hasTag(endpoint) ? { ETag: { $ref: '#/components/headers/ETag' } } : {}),
      ...(endpoint.method === 'post' ? { 'Idempotency-Replayed': { $ref: '#/components/headers/Replayed' } } : {}),
    },
  };
  const description = isPaged(endpoint) ? 'A page; `meta.next` is the cursor of the next one' : 'Done';
  const schema = endpoint.bare === true ? reply : writeEnvelope(reply);
  return { description, ...headers, content: { 'application/json': { schema } } };
}

function writeBody(book: SchemaBook, body: z.ZodType): JsonObject {
  return {
    required: !body.safeParse({}).success,
    content: { 'application/json': { schema: book.write(body, 'input') } },
  };
}

function writeOperation(book: SchemaBook, endpoint: ApiEndpoint): JsonObject {
  const parameters = [
    ...writeParameters(book, endpoint.params, 'path'),
    ...writeParameters(book, endpoint.query, 'query'),
    ...(endpoint.guarded === true ? [IF_MATCH] : []),
    ...(isReadOfOne(endpoint) ? [IF_NONE_MATCH] : []),
    ...(endpoint.method === 'post' ? [IDEMPOTENCY_KEY] : []),
  ];
  return {
    operationId: toOperationId(endpoint),
    summary: endpoint.summary,
    tags: [endpoint.tag],
    security: [{ apiKey: [endpoint.scope] }, { session: [endpoint.scope] }],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(endpoint.body ? { requestBody: writeBody(book, endpoint.body) } : {}),
    responses: {
      [String(endpoint.status ?? 200)]: writeReply(book, endpoint),
      ...(isReadOfOne(endpoint) ? { 304: { $ref: '#/components/responses/Unchanged' } } : {}),
      ...ERROR_RESPONSES,
    },
  };
}

function writeErrorResponse(description: string): JsonObject {
  const headers = {
    'X-Request-Id': { $ref: '#/components/headers/RequestId' },
    'Retry-After': { $ref: '#/components/headers/RetryAfter' },
  };
  return { description, headers, content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } };
}

/** Builds the document. `baseUrl` is where people reach the server, without a slash at the end. */
export function createOpenApiDocument(endpoints: readonly ApiEndpoint[], baseUrl: string): OpenApiDocument {
  const book = createSchemaBook();
  const paths: OpenApiDocument['paths'] = {};
  for (const endpoint of endpoints) {
    const template = toTemplate(endpoint.path);
    paths[template] = { ...paths[template], [endpoint.method]: writeOperation(book, endpoint) };
  }
  book.write(z.strictObject({ error: errorSchema, meta: metaSchema }), 'output');
  return {
    openapi: '3.1.0',
    info: {
      title: 'Holdfast',
      version: '1',
      description:
        'Everything the pages do. Instants are integer epoch milliseconds (UTC), ids are opaque, secrets never leave. Unknown fields in a body or query are refused by name.',
    },
    servers: [{ url: `${baseUrl}${API_ROOT}` }],
    security: [{ apiKey: ['read'] }, { session: ['read'] }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths: {
      ...paths,
      '/stream': { get: { ...STREAM_OPERATION, responses: { ...STREAM_OPERATION.responses, ...ERROR_RESPONSES } } },
    },
    components: {
      schemas: Object.fromEntries(Object.entries(book.components).sort(([a], [b]) => (a < b ? -1 : 1))),
      headers: ANSWER_HEADERS,
      responses: {
        Unchanged: { description: 'Nothing has changed since the answer whose ETag was sent as If-None-Match' },
        Refused: writeErrorResponse('The request cannot be carried out as it is; the error says what to change'),
        Failed: writeErrorResponse('The server or a host could not do it; the error says whether to try again'),
      },
      securitySchemes: {
        apiKey: {
          type: 'http',
          scheme: 'bearer',
          description: `An API key. Each operation names the scope it needs: ${SCOPE_LINES}`,
        },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: sessionCookieName(baseUrl.startsWith('https:')),
          description: 'The cookie of a signed-in browser; changes also need the page’s own origin',
        },
      },
    },
  };
}
