import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formBatches, standsAlone } from './batches.ts';

describe('A test file has a process of its own', () => {
  const texts = [
    'beforeEach(() => open());',
    "import x from 'y';\nafterEach(() => clear());",
    "  mock.timers.enable({ apis: ['Date'] });",
    "process.env.TZ = 'UTC';",
    "process.env['TZ'] = 'UTC';",
    'delete process.env.TZ;',
    "process.once('SIGTERM', () => {});",
    'process.chdir(folder);',
    'globalThis.fetch = fake;',
  ];
  for (const text of texts) it(`for ${JSON.stringify(text)}`, () => assert.equal(standsAlone(text), true));
});

it('hooks inside a suite or around the whole file, and reading of the environment, concern no other file', () => {
  const text =
    "before(() => {});\ndescribe('x', () => {\n  beforeEach(() => {});\n  if (process.env.TZ === 'UTC') it('y', () => {});\n});";
  assert.equal(standsAlone(text), false);
});

describe('Batches', () => {
  const files = [...Array.from({ length: 31 }, (_, at) => `agent/${at}`), 'server/a', 'server/b', 'server/c'];
  const batches = formBatches(files, new Set(['server/b', 'agent/3']));
  it('have each file once', () => assert.deepEqual(batches.flat().sort(), [...files].sort()));
  it('keep the two sides apart, and grow no larger than thirty', () =>
    assert.deepEqual(
      batches.map((batch) => batch.length),
      [30, 2, 1, 1],
    ));
  it('leave alone what needs a process of its own, at the end', () =>
    assert.deepEqual(batches.slice(-2), [['agent/3'], ['server/b']]));
});
