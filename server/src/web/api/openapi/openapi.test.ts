import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SCOPES } from '../../../core/accounts/scopes.ts';
import { isTopic, TOPICS } from '../../../core/bus.ts';
import * as calendar from '../../../fires/fires.ts';
import type { ApiEndpoint } from '../../http/route.ts';
import { createApiEndpoints } from '../all.ts';
import { CLOSED_DOOR } from '../fixtures/channel-door.ts';
import { lintOpenApi } from '../fixtures/openapi-lint.ts';
import { createOpenApiDocument, type JsonObject } from './openapi.ts';

const endpoints = createApiEndpoints(calendar, CLOSED_DOOR);
const document = JSON.parse(JSON.stringify(createOpenApiDocument(endpoints, 'https://backup.example.test/sub'))) as JsonObject;

const METHODS = new Set(['get', 'post', 'patch', 'delete', 'put', 'head', 'options', 'trace']);

function asObject(value: unknown): JsonObject {
  assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value), JSON.stringify(value)?.slice(0, 200));
  return value as JsonObject;
}

function asList(value: unknown): readonly unknown[] {
  assert.ok(Array.isArray(value));
  return value;
}

interface Operation {
  path: string;
  method: string;
  operation: JsonObject;
}

function listOperations(): readonly Operation[] {
  return Object.entries(asObject(document['paths'])).flatMap(([path, item]) =>
    Object.entries(asObject(item)).map(([method, operation]) => ({ path, method, operation: asObject(operation) })),
  );
}

/** Every `$ref` of the document with the place where it stands. */
function listReferences(value: unknown, at = '#'): readonly { at: string; target: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
    key === '$ref' && typeof inner === 'string'
      ? [{ at, target: inner }]
      : listReferences(inner, `${at}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`),
  );
}

function findPointer(pointer: string): unknown {
  if (!pointer.startsWith('#/')) return undefined;
  return pointer
    .slice(2)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>(
      (here, part) => (typeof here === 'object' && here !== null ? (here as JsonObject)[part] : undefined),
      document,
    );
}

/** Places of keywords that are not of JSON Schema 2020-12, in everything that stands where a schema stands. */
function listSchemaFaults(schema: unknown, at: string): readonly string[] {
  if (schema === true || schema === false) return [];
  const here = asObject(schema);
  const types = ['string', 'integer', 'number', 'boolean', 'object', 'array', 'null'];
  const named = here['type'] === undefined ? [] : [here['type']].flat();
  const own = named.filter((type) => !types.includes(String(type))).map((type) => `${at} has the type ${String(type)}`);
  const maps = ['properties'].flatMap((key) =>
    key in here ? Object.entries(asObject(here[key])).flatMap(([name, inner]) => listSchemaFaults(inner, `${at}.${name}`)) : [],
  );
  const singles = ['items', 'additionalProperties', 'propertyNames'].flatMap((key) =>
    key in here ? listSchemaFaults(here[key], `${at}.${key}`) : [],
  );
  const lists = ['anyOf', 'oneOf', 'allOf'].flatMap((key) =>
    key in here ? asList(here[key]).flatMap((inner, place) => listSchemaFaults(inner, `${at}.${key}[${place}]`)) : [],
  );
  const nameless = asList(here['required'] ?? []).filter(
    (name) => 'properties' in here && !(String(name) in asObject(here['properties'])),
  );
  return [...own, ...maps, ...singles, ...lists, ...nameless.map((name) => `${at} requires ${String(name)}, which it has not`)];
}

describe('The OpenAPI document', () => {
  it('has the shape of OpenAPI 3.1, and keeps every rule of our own', () => {
    assert.deepEqual(lintOpenApi(document), []);
  });

  it('lists exactly the table, and the stream beside it', () => {
    const table = endpoints.map(({ method, path }: ApiEndpoint) => `${method} ${path.replace(/:(\w+)/gu, '{$1}')}`);
    const listed = listOperations().map(({ method, path }) => `${method} ${path}`);
    assert.deepEqual([...listed].sort(), [...table, 'get /stream'].sort());
    assert.ok(listed.includes('get /openapi.json'));
  });

  it('is of version 3.1 and says where the server is, sub-path included', () => {
    assert.equal(document['openapi'], '3.1.0');
    assert.deepEqual(document['servers'], [{ url: 'https://backup.example.test/sub/api/v1' }]);
    const { title, version } = asObject(document['info']);
    assert.equal(typeof title, 'string');
    assert.equal(typeof version, 'string');
  });

  it('has no reference that leads nowhere', () => {
    const references = listReferences(document);
    assert.ok(references.length > endpoints.length);
    const dangling = references.filter(({ target }) => findPointer(target) === undefined);
    assert.deepEqual(dangling, []);
  });

  it('has no component that nothing mentions', () => {
    const mentioned = new Set(listReferences(document).map(({ target }) => target));
    const names = Object.keys(asObject(asObject(document['components'])['schemas']));
    assert.ok(names.includes('Host') && names.includes('Error'));
    assert.deepEqual(
      names.filter((name) => !mentioned.has(`#/components/schemas/${name}`)),
      [],
    );
  });

  it('gives every operation an id of its own, a declared tag, a summary and replies', () => {
    const operations = listOperations().map(({ operation }) => operation);
    const ids = operations.map((operation) => String(operation['operationId']));
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids) assert.match(id, /^(get|post|patch|delete)[A-Za-z]+$/u);
    const declared = new Set(asList(document['tags']).map((tag) => asObject(tag)['name']));
    for (const operation of operations) {
      assert.ok(
        asList(operation['tags']).every((tag) => declared.has(tag)),
        String(operation['operationId']),
      );
      assert.match(String(operation['summary']), /^[A-Z].*\.$/u);
      const statuses = Object.keys(asObject(operation['responses']));
      assert.ok(statuses.some((status) => /^20[012]$/u.test(status)) && statuses.includes('4XX') && statuses.includes('5XX'));
    }
  });

  it('declares each parameter of a path, required, and no other', () => {
    for (const { path, operation } of listOperations()) {
      const inPath = [...path.matchAll(/\{(\w+)\}/gu)].map(([, name]) => name);
      const declared = asList(operation['parameters'] ?? []).map(asObject);
      const ofPath = declared.filter((parameter) => parameter['in'] === 'path');
      assert.deepEqual(
        ofPath.map((parameter) => parameter['name']),
        inPath,
        path,
      );
      assert.ok(
        ofPath.every((parameter) => parameter['required'] === true),
        path,
      );
      for (const parameter of declared) assert.deepEqual(listSchemaFaults(parameter['schema'], path), []);
    }
  });

  it('uses only methods that OpenAPI knows, and no body with GET or DELETE', () => {
    for (const { path, method, operation } of listOperations()) {
      assert.ok(METHODS.has(method), `${method} ${path}`);
      if (method === 'get' || method === 'delete') assert.ok(!('requestBody' in operation), `${method} ${path}`);
    }
  });

  it('has well-formed schemas in components, bodies and replies', () => {
    const { schemas, responses } = asObject(document['components']);
    const faults = Object.entries(asObject(schemas)).flatMap(([name, schema]) => listSchemaFaults(schema, name));
    const contents = [
      ...Object.values(asObject(responses)).filter((response) => 'content' in asObject(response)),
      ...listOperations().flatMap(({ operation }) => [
        ...('requestBody' in operation ? [operation['requestBody']] : []),
        ...Object.values(asObject(operation['responses'])).filter((response) => !('$ref' in asObject(response))),
      ]),
    ].flatMap((place) => Object.values(asObject(asObject(place)['content'])));
    assert.ok(contents.length > endpoints.length);
    const inside = contents.flatMap((content, place) => listSchemaFaults(asObject(content)['schema'], `content ${place}`));
    assert.deepEqual([...faults, ...inside], []);
  });

  it('refuses unknown fields in bodies and leaves replies open to new ones', () => {
    for (const { path, operation } of listOperations()) {
      if (!('requestBody' in operation)) continue;
      const content = asObject(asObject(operation['requestBody'])['content']);
      assert.equal(asObject(asObject(content['application/json'])['schema'])['additionalProperties'], false, path);
    }
    for (const name of ['Host', 'Source', 'Run'])
      assert.ok(!('additionalProperties' in asObject(findPointer(`#/components/schemas/${name}`))), name);
  });

  it('names the scope that each operation needs, for keys and sessions alike', () => {
    for (const { method, path, scope } of endpoints) {
      const template = path.replace(/:(\w+)/gu, '{$1}').replaceAll('/', '~1');
      const { security } = asObject(findPointer(`#/paths/${template}/${method}`)) as { security: unknown };
      assert.deepEqual(security, [{ apiKey: [scope] }, { session: [scope] }], path);
    }
    const { description } = asObject(findPointer('#/components/securitySchemes/apiKey')) as { description: string };
    for (const scope of SCOPES) assert.ok(description.includes(`\`${scope}\``), scope);
  });

  it('names the bearer key and the session cookie that this base URL has', () => {
    const schemes = (base: string) => {
      const { components } = createOpenApiDocument(endpoints, base);
      return asObject(components['securitySchemes']);
    };
    assert.equal(asObject(schemes('https://a.example.test')['apiKey'])['scheme'], 'bearer');
    assert.equal(asObject(schemes('https://a.example.test')['session'])['name'], '__Host-holdfast_session');
    assert.equal(asObject(schemes('http://127.0.0.1:8080')['session'])['name'], 'holdfast_session');
  });

  it('offers If-Match exactly where the reply carries a version', () => {
    const guarded = listOperations()
      .filter(({ operation }) => asList(operation['parameters'] ?? []).some((one) => asObject(one)['name'] === 'If-Match'))
      .map(({ method, path }) => `${method} ${path}`);
    assert.deepEqual(guarded.sort(), [
      'patch /alert-rules',
      'patch /alert-thresholds',
      'patch /channels/{id}',
      'patch /digest-settings',
      'patch /hosts/{id}',
      'patch /objectives',
      'patch /plans/{id}',
      'patch /repositories/{id}',
      'patch /retention-policies/{id}',
      'patch /settings',
      'patch /settings/retention',
      'patch /shared-schedules/{id}',
      'patch /sources/{id}',
      'patch /users/{id}',
      'post /repositories/{id}/admin-credential',
    ]);
  });

  it('lists every topic of the stream, each as it is taken', () => {
    const stream = asObject(findPointer('#/paths/~1stream/get'));
    const [topics] = asList(stream['parameters']).map(asObject);
    const listed = [...String(topics?.['description']).matchAll(/`([^`]+)`/gu)].map(([, form]) => form ?? '');
    assert.deepEqual(listed.map((form) => form.split(':')[0]).sort(), Object.keys(TOPICS).sort());
    for (const form of listed) assert.ok(isTopic(form.replace('<id>', 'x_01')), form);
    for (const topic of ['', 'host', 'host:', 'host:<id>', 'hosts:x_01', 'run:x:y', 'hots', 'hosts,plans', 'toString'])
      assert.ok(!isTopic(topic), topic);
  });

  it('describes cursor and limit of every list that pages', () => {
    const paths = [
      '/hosts',
      '/sources',
      '/repositories',
      '/plans',
      '/plans/{id}/missed-fires',
      '/runs',
      '/snapshots',
      '/restores',
    ];
    for (const path of [...paths, '/audit']) {
      const parameters = asList(asObject(findPointer(`#/paths/${path.replaceAll('/', '~1')}/get`))['parameters']).map(asObject);
      const limit = asObject(parameters.find(({ name }) => name === 'limit')?.['schema']);
      assert.deepEqual([limit['type'], limit['minimum'], limit['maximum'], limit['default']], ['integer', 1, 200, 50], path);
      assert.ok(
        parameters.some(({ name, required }) => name === 'cursor' && required === false),
        path,
      );
    }
  });
});
