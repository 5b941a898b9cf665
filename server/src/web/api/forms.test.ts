import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { SCOPES } from '../../core/accounts/scopes.ts';
import * as calendar from '../../fires/fires.ts';
import { API_CODE_NAMES } from '../http/http-error.ts';
import { createScreens } from '../screens/all.ts';
import { createApiEndpoints } from './all.ts';
import { CLOSED_DOOR } from './fixtures/channel-door.ts';

const GUIDE = readFileSync(new URL('../../../../docs/guide/api.md', import.meta.url), 'utf8');
const endpoints = createApiEndpoints(calendar, CLOSED_DOOR);
const screens = createScreens({ checkPasswordRules: () => undefined, fires: calendar, channels: CLOSED_DOOR, endpoints });
const routes = new Set(endpoints.map(({ method, path }) => `${method.toUpperCase()} ${path}`));

/** Rows of the tables below a heading, up to the next one: what stands in backquotes in the first cell and in the second, and the second itself. */
function readRows(heading: string): readonly { left: readonly string[]; right: readonly string[]; text: string }[] {
  const [, chapter = ''] = GUIDE.split(`${heading}\n`);
  const quoted = (text: string) => [...text.matchAll(/`([^`]+)`/gu)].map(([, inner]) => inner ?? '');
  const lines = (chapter.split(/\n##+ /u)[0] ?? '').split('\n').filter((line) => line.startsWith('| '));
  return lines.slice(1).map((line) => {
    const [, left = '', text = ''] = line.split('|');
    return { left: quoted(left), right: quoted(text), text: text.trim() };
  });
}

const forms = readRows('## What the forms of the pages do');
const pages = readRows('## What the pages show');

describe('The guide to the API', () => {
  for (const [what, method, rows] of [
    ['each page', 'get', pages],
    ['each form of the pages', 'post', forms],
  ] as const)
    it(`names an end-point for ${what}, or says why there is none`, () => {
      const there = screens.filter((screen) => screen.method === method).map(({ path }) => path);
      const listed = rows.flatMap(({ left }) => left);
      assert.equal(new Set(listed).size, listed.length, 'each once');
      assert.deepEqual(
        { unlisted: there.filter((path) => !listed.includes(path)), gone: listed.filter((path) => !there.includes(path)) },
        { unlisted: [], gone: [] },
      );
      for (const { left, right, text } of rows) assert.ok(right.length > 0 || /^none: .{10}/u.test(text), left.join());
    });

  it('names only end-points that exist', () => {
    const named = [...pages, ...forms, ...readRows('## Coming from another tool')].flatMap(({ right }) => right);
    const calls = named.filter((text) => /^(GET|POST|PATCH|DELETE) \//u.test(text)).map((text) => text.split('?')[0] ?? '');
    assert.ok(calls.length > 100);
    assert.deepEqual(
      calls.filter((call) => !routes.has(call) && call !== 'GET /stream'),
      [],
    );
  });

  it('lists every scope and every code', () => {
    assert.deepEqual(
      readRows('## What a key may do').flatMap(({ left }) => left),
      [...SCOPES],
    );
    const codes = new Set(readRows('## What is answered when something is refused').flatMap(({ right }) => right));
    for (const code of API_CODE_NAMES) assert.ok(codes.has(code), code);
  });
});
