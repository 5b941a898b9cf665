import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TEXT } from '../limits.ts';
import {
  blackoutSchema,
  configSchema,
  DEFAULT_PLAN_OPTIONS,
  hookNameSchema,
  nameSchema,
  planOptionsChangeSchema,
  planOptionsSchema,
  specPlanSchema,
  tagSchema,
} from './plan.ts';
import { scheduleSchema } from './schedule.ts';

describe('A name', () => {
  it('is trimmed, one line, at most 120 characters', () => {
    assert.equal(nameSchema.parse('  Büro-Datenbank 1  '), 'Büro-Datenbank 1');
    assert.equal(nameSchema.safeParse('x'.repeat(TEXT.nameChars)).success, true);
    assert.equal(nameSchema.safeParse('x'.repeat(TEXT.nameChars + 1)).success, false);
    for (const bad of ['', '   ', 'a\nb', 'a\u0000b', 'a\u001b[31m', 'a\u202eb', 'a\u2066b', 'a\u007fb', 7, null])
      assert.equal(nameSchema.safeParse(bad).success, false, JSON.stringify(bad));
  });
});

describe('A tag', () => {
  it('may hold letters of any script, digits and a few signs', () => {
    for (const good of ['prod', 'Zürich 1', 'a.b_c:d/e-f', '日本']) assert.equal(tagSchema.parse(good), good);
    for (const bad of ['', '-x', ' ', 'a,b', 'a"b', '<b>', 'x'.repeat(TEXT.tagChars + 1)])
      assert.equal(tagSchema.safeParse(bad).success, false, bad);
  });
});

describe('The options of a plan', () => {
  it('have defaults and refuse what they do not know', () => {
    assert.deepEqual(planOptionsSchema.parse({}), {
      catchUp: true,
      graceMinutes: 1440,
      spreadMinutes: 0,
      blackouts: [],
      overlap: 'skip',
      priority: 'normal',
      attempts: 3,
      retryAfterSeconds: 60,
      timeoutMinutes: 0,
      hooks: {},
      limits: {},
      countRows: 'small',
    });
    assert.equal(planOptionsSchema.safeParse({ catchup: false }).success, false);
  });

  it('can be changed one by one, each of them, and nothing else', () => {
    assert.deepEqual(Object.keys(planOptionsChangeSchema.shape), Object.keys(planOptionsSchema.shape));
    assert.deepEqual(planOptionsChangeSchema.parse({}), {});
    assert.deepEqual(planOptionsChangeSchema.parse({ attempts: 1 }), { attempts: 1 });
    assert.equal(planOptionsChangeSchema.safeParse({ attempt: 1 }).success, false);
  });

  it('name hooks, and never paths or commands', () => {
    for (const good of ['stop-app', 'a', '10_freeze.sh']) assert.equal(hookNameSchema.parse(good), good);
    for (const bad of ['', '/bin/sh', '../x', '.hidden', 'a b', 'a;b', '-x', 'x'.repeat(65)])
      assert.equal(hookNameSchema.safeParse(bad).success, false, bad);
  });

  it('have windows that begin and end at different times of a day', () => {
    assert.deepEqual(blackoutSchema.parse({ from: '22:00', to: '06:00' }).days, [0, 1, 2, 3, 4, 5, 6]);
    assert.equal(blackoutSchema.safeParse({ from: '08:00', to: '24:00', days: [1] }).success, true);
    for (const bad of [
      { from: '08:00', to: '08:00' },
      { from: '24:00', to: '08:00' },
      { from: '8:00', to: '09:00' },
      { from: '08:60', to: '09:00' },
      { from: '08:00', to: '09:00', days: [] },
      { from: '08:00', to: '09:00', days: [7] },
    ])
      assert.equal(blackoutSchema.safeParse(bad).success, false, JSON.stringify(bad));
  });

  it('travel with what a newer server adds left out', () => {
    const parsed = specPlanSchema.shape.options.parse({ ...DEFAULT_PLAN_OPTIONS, colour: 'green' });
    assert.deepEqual(parsed, DEFAULT_PLAN_OPTIONS);
  });
});

describe('The config of an adapter on the wire', () => {
  it('holds texts, numbers, switches and lists of texts, each within its limit', () => {
    const good = { host: 'x', port: 5432, tls: true, paths: ['/etc'] };
    assert.deepEqual(configSchema.parse(good), good);
    for (const bad of [{ a: null }, { a: {} }, { a: [1] }, { ['k'.repeat(65)]: 1 }, { a: 'x'.repeat(TEXT.fieldChars + 1) }])
      assert.equal(configSchema.safeParse(bad).success, false);
  });
});

describe('A schedule', () => {
  it('has five fields and a zone this system knows', () => {
    assert.deepEqual(scheduleSchema.parse({ cron: ' 0 2 * * * ' }), { cron: '0 2 * * *', zone: 'UTC' });
    for (const cron of ['', '@daily', '0 2 * *', '0 0 2 * * *', '0 2 * * * \n*'])
      assert.equal(scheduleSchema.safeParse({ cron }).success, false, cron);
    for (const zone of ['', 'Mars/Olympus', 'x'.repeat(65), '../etc'])
      assert.equal(scheduleSchema.safeParse({ cron: '0 2 * * *', zone }).success, false, zone);
  });
});
