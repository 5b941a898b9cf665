/** The OpenAPI document as people read it: chapters of end-points, each with its fields in plain words and a line to try it with. */
import type { JsonObject, OpenApiDocument } from '../../api/openapi/openapi.ts';
import type { EndpointView, FieldLine } from './reference.view.ts';

export interface ReferenceChapter {
  readonly name: string;
  readonly description: string;
  readonly entries: readonly EndpointView[];
}

/** Deeper fields are told by the document itself. */
const DEPTH = 3;
/** The file of a caller's own that holds the header with the key. */
export const HEADER_FILE = 'holdfast.header';

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const asObject = (value: unknown): JsonObject => (isObject(value) ? value : {});
const listObjects = (value: unknown): readonly JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : []);
const asText = (value: unknown): string => (typeof value === 'string' ? value : '');

function nameOfReference(schema: JsonObject): string | undefined {
  const reference = asText(schema['$ref']);
  return reference === '' ? undefined : reference.slice(reference.lastIndexOf('/') + 1);
}

/** The `plan` of ids such as `plan_…`. */
function idPrefixOf(schema: JsonObject): string | undefined {
  return /^\^([a-z]+)_\[/u.exec(asText(schema['pattern']))?.[1];
}

function branchesOf(schema: JsonObject): readonly JsonObject[] {
  return [...listObjects(schema['anyOf']), ...listObjects(schema['oneOf'])];
}

function describeRange(schema: JsonObject, low: string, high: string, unit: string): string {
  const [min, max] = [schema[low], schema[high]];
  const unlimited = typeof max !== 'number' || Math.abs(max) >= Number.MAX_SAFE_INTEGER;
  if (typeof min === 'number' && min > -Number.MAX_SAFE_INTEGER && !unlimited) return ` ${min} to ${max}${unit}`;
  if (!unlimited) return ` of at most ${max}${unit}`;
  return typeof min === 'number' && min > 0 && min < Number.MAX_SAFE_INTEGER ? ` from ${min}${unit}` : '';
}

/** `list of Run`, `integer 1 to 200`, `"high" or "low"`, `id plan_…`. */
function describeType(schema: JsonObject): string {
  const named = nameOfReference(schema);
  if (named !== undefined) return named;
  if ('const' in schema) return JSON.stringify(schema['const']);
  if (Array.isArray(schema['enum'])) return schema['enum'].map((one) => JSON.stringify(one)).join(' or ');
  const branches = branchesOf(schema);
  if (branches.length > 0) return [...new Set(branches.map(describeType))].join(' or ');
  switch (schema['type']) {
    case 'array':
      return `list of ${describeType(asObject(schema['items']))}${describeRange(schema, 'minItems', 'maxItems', '')}`;
    case 'string': {
      const prefix = idPrefixOf(schema);
      return prefix === undefined ? `text${describeRange(schema, 'minLength', 'maxLength', ' characters')}` : `id ${prefix}_…`;
    }
    case 'integer':
    case 'number':
      return `${schema['type'] === 'integer' ? 'integer' : 'number'}${describeRange(schema, 'minimum', 'maximum', '')}`;
    case 'object':
      return isObject(schema['additionalProperties']) ? `${describeType(schema['additionalProperties'])} by name` : 'object';
    case 'boolean':
      return 'true or false';
    case 'null':
      return 'null';
    default:
      return 'anything';
  }
}

/** What it is for, and what it is where it is left out. */
function describeUse(description: unknown, schema: JsonObject): string {
  const fallback = 'default' in schema && !isObject(schema['default']) ? `Usually ${JSON.stringify(schema['default'])}` : '';
  return [asText(description), fallback].filter((part) => part !== '').join('. ');
}

/** What lies inside a field: of a list its items, of a choice every branch. */
function insidesOf(schema: JsonObject, name: string): readonly { schema: JsonObject; name: string }[] {
  if (schema['type'] === 'array') return insidesOf(asObject(schema['items']), `${name}[]`);
  const branches = branchesOf(schema);
  if (branches.length > 0) return branches.flatMap((branch) => insidesOf(branch, name));
  return isObject(schema['properties']) ? [{ schema, name }] : [];
}

function listFields(schema: JsonObject, before: string, depth: number): readonly FieldLine[] {
  const required = new Set(Array.isArray(schema['required']) ? schema['required'] : []);
  const fields = Object.entries(asObject(schema['properties'])).flatMap(([key, value]) => {
    const field = asObject(value);
    const name = before === '' ? key : `${before}.${key}`;
    const own: FieldLine = {
      name,
      type: describeType(field),
      required: required.has(key) && !('default' in field),
      description: describeUse(field['description'], field),
    };
    if (depth <= 1) return [own];
    return [own, ...insidesOf(field, name).flatMap((inner) => listFields(inner.schema, inner.name, depth - 1))];
  });
  // Branches of a choice may share fields.
  return [...new Map(fields.map((field) => [field.name, field])).values()];
}

/** Something a schema takes, as short as may be. */
function exampleOf(schema: JsonObject): unknown {
  if ('const' in schema) return schema['const'];
  if (Array.isArray(schema['enum'])) return schema['enum'][0];
  const [branch] = branchesOf(schema);
  if (branch !== undefined) return exampleOf(branch);
  switch (schema['type']) {
    case 'array':
      return [exampleOf(asObject(schema['items']))];
    case 'object': {
      const required = Array.isArray(schema['required']) ? schema['required'].map(String) : [];
      const properties = asObject(schema['properties']);
      const needed = required.filter((key) => !('default' in asObject(properties[key])));
      return Object.fromEntries(needed.map((key) => [key, exampleOf(asObject(properties[key]))]));
    }
    case 'integer':
    case 'number':
      return typeof schema['minimum'] === 'number' && schema['minimum'] > 0 ? schema['minimum'] : 1;
    case 'boolean':
      return true;
    case 'string': {
      const prefix = idPrefixOf(schema);
      return prefix === undefined ? '…' : `${prefix}_…`;
    }
    default:
      return null;
  }
}

function quoteForShell(text: string): string {
  return /^[A-Za-z0-9_./:=@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function writeCurl(base: string, method: string, path: string, parameters: readonly JsonObject[], body: unknown): string {
  const filled = path.replace(/\{(\w+)\}/gu, (_all, name: string) => {
    const parameter = parameters.find((one) => one['in'] === 'path' && one['name'] === name);
    return String(exampleOf(asObject(parameter?.['schema'])));
  });
  const query = parameters
    .filter((one) => one['in'] === 'query' && one['required'] === true)
    .map((one) => `${asText(one['name'])}=${String(exampleOf(asObject(one['schema'])))}`);
  const address = `${base}${filled}${query.length > 0 ? `?${query.join('&')}` : ''}`;
  const implied = body === undefined ? 'GET' : 'POST';
  return [
    `curl --header @${HEADER_FILE}`,
    ...(method === implied ? [] : [`--request ${method}`]),
    ...(body === undefined ? [] : [`--json ${quoteForShell(JSON.stringify(body))}`]),
    quoteForShell(address),
  ].join(' ');
}

function toParameterField(parameter: JsonObject): FieldLine {
  const schema = asObject(parameter['schema']);
  const place = asText(parameter['in']);
  return {
    name: asText(parameter['name']),
    type: `${place === 'query' ? '' : `${place}, `}${describeType(schema)}`,
    required: parameter['required'] === true,
    description: describeUse(parameter['description'], schema),
  };
}

function contentOf(place: unknown): JsonObject {
  return asObject(asObject(Object.values(asObject(asObject(place)['content']))[0])['schema']);
}

function toEntry(document: OpenApiDocument, base: string, path: string, method: string, operation: JsonObject): EndpointView {
  const parameters = listObjects(operation['parameters']);
  const bodySchema = 'requestBody' in operation ? contentOf(operation['requestBody']) : undefined;
  const [status, response] = Object.entries(asObject(operation['responses']))[0] ?? ['200', {}];
  const sent = contentOf(response);
  const data = asObject(asObject(sent['properties'])['data'] ?? sent);
  const item = data['type'] === 'array' ? asObject(data['items']) : data;
  const named = nameOfReference(item);
  const shape = named === undefined ? item : asObject(document.components.schemas[named]);
  return {
    id: asText(operation['operationId']),
    method: method.toUpperCase(),
    path,
    summary: asText(operation['summary']),
    // What every call may carry is told once, at the beginning.
    parameters: parameters.filter((one) => one['in'] !== 'header').map(toParameterField),
    body: bodySchema === undefined ? [] : listFields(bodySchema, '', DEPTH),
    reply: describeType(data),
    replyFields: insidesOf(shape, '').flatMap((inside) => listFields(inside.schema, '', 1)),
    status,
    curl: writeCurl(base, method.toUpperCase(), path, parameters, bodySchema && exampleOf(bodySchema)),
  };
}

/** Every end-point of the document, by chapter, in the document's order. */
export function listReference(document: OpenApiDocument): readonly ReferenceChapter[] {
  const [server] = listObjects(document['servers']);
  const base = asText(server?.['url']);
  const entries = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      tag: String(Array.isArray(operation['tags']) ? operation['tags'][0] : ''),
      entry: toEntry(document, base, path, method, operation),
    })),
  );
  return listObjects(document['tags']).map((tag) => ({
    name: asText(tag['name']),
    description: asText(tag['description']),
    entries: entries.filter((one) => one.tag === tag['name']).map(({ entry }) => entry),
  }));
}
