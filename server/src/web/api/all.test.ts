import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as z from 'zod';
import * as calendar from '../../fires/fires.ts';
import { createApiEndpoints } from './all.ts';
import { CLOSED_DOOR } from './fixtures/channel-door.ts';

const endpoints = createApiEndpoints(calendar, CLOSED_DOOR);

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const given = path.split('/');
  return wanted.length === given.length && wanted.every((part, at) => part.startsWith(':') || part === given[at]);
}

describe('The table of end-points', () => {
  it('has each method and path once', () => {
    const routes = endpoints.map(({ method, path }) => `${method} ${path}`);
    assert.equal(new Set(routes).size, routes.length);
  });

  it('puts a fixed path before the parameter that would take it', () => {
    for (const [at, later] of endpoints.entries()) {
      const earlier = endpoints.slice(0, at).find(({ method, path }) => method === later.method && matches(path, later.path));
      assert.equal(earlier?.path, undefined, `${later.path} is never reached`);
    }
  });

  it('writes paths in lower-case words with dashes', () => {
    for (const { path } of endpoints) assert.match(path, /^(\/(:[a-z]+|[a-z]+(-[a-z]+)*(\.json)?))+$/u);
  });

  it('answers 201 or 202 only to a POST', () => {
    for (const { method, path, status } of endpoints) if (status === 201 || status === 202) assert.equal(method, 'post', path);
  });

  it('takes a body only with POST and PATCH, and every PATCH has one', () => {
    for (const { method, path, body } of endpoints) {
      if (body) assert.ok(method === 'post' || method === 'patch', path);
      if (method === 'patch') assert.ok(body, path);
    }
  });

  it('has strict bodies, queries and parameters everywhere', () => {
    for (const { method, path, params, query, body } of endpoints) {
      for (const schema of [params, query, body]) {
        if (schema === undefined) continue;
        assert.ok(schema instanceof z.ZodObject, `${method} ${path}`);
        const refused = schema.safeParse({ surprise: 1 });
        const named = refused.error?.issues.some(
          (issue) => issue.code === 'unrecognized_keys' && issue.keys.includes('surprise'),
        );
        assert.equal(named, true, `${method} ${path} refuses what it does not know, by name`);
      }
    }
  });

  it('is as strict about what lies deeper in a body', () => {
    const listLoose = (schema: unknown, place: string): string[] => {
      if (typeof schema !== 'object' || schema === null) return [];
      const isLoose = 'properties' in schema && !('additionalProperties' in schema && schema.additionalProperties === false);
      const inside = Object.entries(schema).flatMap(([name, value]) => listLoose(value, `${place}/${name}`));
      return isLoose ? [place, ...inside] : inside;
    };
    const toSchema = (body: z.ZodType) => z.toJSONSchema(body, { io: 'input', unrepresentable: 'any' });
    const loose = endpoints.flatMap(({ method, path, body }) => (body ? listLoose(toSchema(body), `${method} ${path}`) : []));
    assert.deepEqual(loose, []);
  });

  it('pages every list', () => {
    const whole = endpoints.filter(({ method, reply, query }) => {
      const isList = method === 'get' && reply instanceof z.ZodArray;
      return isList && !(query instanceof z.ZodObject && 'cursor' in query.shape && 'limit' in query.shape);
    });
    assert.deepEqual(
      whole.map(({ path }) => path),
      [],
    );
  });

  it('parses the parameters that its path has', () => {
    for (const { path, params } of endpoints) {
      const names = [...path.matchAll(/:(\w+)/gu)].map(([, name]) => name);
      assert.deepEqual(params instanceof z.ZodObject ? Object.keys(params.shape) : [], names, path);
    }
  });
});
