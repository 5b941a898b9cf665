import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as calendar from '../../../fires/fires.ts';
import { createApiEndpoints } from '../all.ts';
import { CLOSED_DOOR } from '../fixtures/channel-door.ts';
import { lintOpenApi } from '../fixtures/openapi-lint.ts';
import { createOpenApiDocument, type JsonObject } from './openapi.ts';

const written = JSON.stringify(createOpenApiDocument(createApiEndpoints(calendar, CLOSED_DOOR), 'https://backup.example.test'));

type Mutable = JsonObject & { [name: string]: Mutable };
/** The document with one thing spoiled. */
function spoil(change: (document: Mutable) => void): readonly string[] {
  const document = JSON.parse(written) as Mutable;
  change(document);
  return lintOpenApi(document);
}
const at = (document: Mutable, ...names: readonly string[]): Mutable =>
  names.reduce((here, name) => {
    const inner = here[name];
    assert.ok(inner, name);
    return inner;
  }, document);

describe('The linter of the OpenAPI document', () => {
  const faults: readonly [string, (document: Mutable) => void, RegExp][] = [
    ['another version', (d) => Object.assign(d, { openapi: '3.0.3' }), /^openapi: /],
    [
      'a field OpenAPI does not know',
      (d) => Object.assign(at(d, 'paths', '/plans', 'get'), { sumary: 'x' }),
      /paths\.\/plans\.get: .*sumary/,
    ],
    [
      'a keyword JSON Schema does not know',
      (d) => Object.assign(at(d, 'components', 'schemas', 'Run'), { propertis: {} }),
      /components\.schemas\.Run/,
    ],
    [
      'a status that is none',
      (d) => Object.assign(at(d, 'paths', '/plans', 'get', 'responses'), { 99: { description: 'x' } }),
      /responses/,
    ],
    [
      'a summary that is no sentence',
      (d) => Object.assign(at(d, 'paths', '/plans', 'get'), { summary: 'lists' }),
      /GET \/plans: its summary is no sentence/,
    ],
    [
      'a path with capitals',
      (d) => Object.assign(at(d, 'paths'), { '/Plans': at(d, 'paths', '/plans') }),
      /GET \/Plans: its path/,
    ],
    [
      'two operations of one id',
      (d) => Object.assign(at(d, 'paths', '/plans', 'get'), { operationId: 'getHosts' }),
      /shares its operationId getHosts/,
    ],
    [
      'a parameter that the path has not',
      (d) => Object.assign(at(d, 'paths'), { '/plans/{other}/x': at(d, 'paths', '/plans/{id}') }),
      /parameters of its path/,
    ],
    [
      'two paths that look alike',
      (d) => Object.assign(at(d, 'paths'), { '/plans/{plan}': at(d, 'paths', '/plans/{id}') }),
      /cannot be told from/,
    ],
    [
      'a start without a key',
      (d) =>
        Object.assign(at(d, 'paths', '/plans/{id}/run', 'post'), {
          parameters: at(d, 'paths', '/plans/{id}', 'delete', 'parameters'),
        }),
      /POST \/plans\/\{id\}\/run: it starts something/,
    ],
    [
      'no word of failure',
      (d) => Reflect.deleteProperty(at(d, 'paths', '/plans', 'get', 'responses'), '5XX'),
      /does not say how it fails/,
    ],
    [
      'a tag nobody declared',
      (d) => Object.assign(at(d, 'paths', '/plans', 'get'), { tags: ['other'] }),
      /its tag is not declared/,
    ],
    [
      'an open body',
      (d) =>
        Object.assign(at(d, 'paths', '/plans', 'post', 'requestBody', 'content', 'application/json', 'schema'), {
          additionalProperties: true,
        }),
      /takes fields that nobody knows/,
    ],
    [
      'a reference to nothing',
      (d) => Reflect.deleteProperty(at(d, 'components', 'schemas'), 'Run'),
      /#\/components\/schemas\/Run: leads nowhere/,
    ],
    [
      'a field in another case',
      (d) => Object.assign(at(d, 'components', 'schemas', 'Run', 'properties'), { host_id: { type: 'string' } }),
      /host_id is not in camel case/,
    ],
    [
      'a required field that is not there',
      (d) => Object.assign(at(d, 'components', 'schemas', 'Run'), { required: ['nothing'] }),
      /requires nothing, which it has not/,
    ],
    ['a scheme nobody described', (d) => Object.assign(d, { security: [{ other: [] }] }), /there is no scheme other/],
  ];
  for (const [what, change, finding] of faults)
    it(`finds ${what}`, () => {
      const findings = spoil(change);
      assert.ok(
        findings.some((one) => finding.test(one)),
        JSON.stringify(findings.slice(0, 5)),
      );
    });
});
