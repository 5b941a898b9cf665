import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_PLAN_OPTIONS, type PlanOptions, planOptionsSchema } from '@holdfast/shared/domain/plan.ts';
import fc from 'fast-check';
import { parseSpan, writeSpan } from '../periods/span-text.ts';
import { describeDays, describeWindow } from '../periods/window-words.ts';
import { describeOptions, listOptionFacts } from './plan-option-words.ts';
import {
  checkOptionsText,
  DEFAULT_OPTIONS_TEXT,
  nameWindowField,
  type OptionsText,
  readOptionsText,
  toOptionsText,
} from './plan-options.ts';

/** What a browser sends of a form that shows these texts. */
function post(text: OptionsText): Record<string, string | string[]> {
  const { windows, catchUp, ...texts } = text;
  const form: Record<string, string | string[]> = { ...texts, ...(catchUp ? { catchUp: 'true' } : {}) };
  for (const [row, window] of windows.entries()) {
    form[nameWindowField(row, 'from')] = window.from;
    form[nameWindowField(row, 'to')] = window.to;
    if (window.days.length > 0) form[nameWindowField(row, 'days')] = [...window.days];
  }
  return form;
}

const anyOptions: fc.Arbitrary<PlanOptions> = (() => {
  const time = fc.tuple(fc.nat(23), fc.nat(59)).map(([h, m]) => `${String(h).padStart(2, '0')}:${String(m).padStart(2, '0')}`);
  const days = fc.uniqueArray(fc.nat(6), { minLength: 1, maxLength: 7 }).map((list) => list.toSorted());
  const optional = (min: number, max: number) => fc.option(fc.integer({ min, max }), { nil: undefined });
  const hook = fc.option(fc.constantFrom('stop-writes', 'a', 'x_1.sh'), { nil: undefined });
  return fc
    .record({
      catchUp: fc.boolean(),
      graceMinutes: fc.integer({ min: 1, max: 7 * 24 * 60 }),
      spreadMinutes: fc.integer({ min: 0, max: 720 }),
      blackouts: fc.array(
        fc.record({ from: time, to: time, days }).filter(({ from, to }) => from !== to),
        { maxLength: 20 },
      ),
      overlap: fc.constantFrom('skip', 'queue'),
      priority: fc.constantFrom('high', 'normal', 'low'),
      attempts: fc.integer({ min: 1, max: 10 }),
      retryAfterSeconds: fc.integer({ min: 1, max: 3600 }),
      timeoutMinutes: fc.integer({ min: 0, max: 14 * 24 * 60 }),
      hooks: fc.record({ before: hook, after: hook }),
      limits: fc.record({
        nice: optional(0, 19),
        io: fc.constantFrom(undefined, 'normal', 'low', 'idle'),
        uploadKiBps: optional(1, 10_000_000),
        downloadKiBps: optional(1, 10_000_000),
        memoryMiB: optional(64, 1_000_000),
      }),
    })
    .map((options) => planOptionsSchema.parse(JSON.parse(JSON.stringify(options))));
})();

const fieldsOf = (change: Partial<OptionsText>): Readonly<Record<string, string>> => {
  const checked = checkOptionsText({ ...DEFAULT_OPTIONS_TEXT, ...change });
  return 'fields' in checked ? checked.fields : {};
};
const DAYS = ['1', '2', '3', '4', '5', '6', '0'];

describe('A span as people type it', () => {
  const spans: readonly (readonly [string, number | undefined])[] = [
    ['24 h', 86_400],
    ['24h', 86_400],
    ['1 h 30 min', 5400],
    ['90', 5400],
    ['2 d', 172_800],
    ['45 s', 45],
    ['1 Day', 86_400],
    ['0', 0],
    ['', undefined],
    ['soon', undefined],
    ['-5 min', undefined],
    ['1.5 h', undefined],
    ['5 weeks', undefined],
    ['9999999999 d', undefined],
  ];
  for (const [text, seconds] of spans) {
    it(`reads "${text}" as ${seconds ?? 'none'}`, () => assert.equal(parseSpan(text, 'min'), seconds));
  }

  it('is written so that it reads back the same', () => {
    fc.assert(fc.property(fc.nat(30 * 86_400), (seconds) => assert.equal(parseSpan(writeSpan(seconds), 's'), seconds)));
    assert.deepEqual([writeSpan(86_400), writeSpan(7 * 86_400), writeSpan(5400)], ['24 h', '7 d', '1 h 30 min']);
  });
});

describe('The options of a plan in its form', () => {
  it('come back as they were, whatever they are', () => {
    fc.assert(
      fc.property(anyOptions, (options) => {
        const checked = checkOptionsText(readOptionsText(post(toOptionsText(options))));
        assert.deepEqual('options' in checked ? checked.options : checked.fields, options);
      }),
    );
  });

  it('are the usual ones where nothing is typed', () => {
    const empty = readOptionsText({ catchUp: 'true' });
    assert.deepEqual(checkOptionsText(empty), { options: DEFAULT_PLAN_OPTIONS });
  });

  it('say at each field what is wrong with it, all at once', () => {
    const fields = fieldsOf({
      grace: 'for ever',
      spread: '2 d',
      attempts: '0',
      retryAfter: '0',
      timeout: '90 s',
      overlap: 'both',
      nice: '-1',
      memory: '1',
      hookBefore: '../../bin/sh',
    });
    assert.deepEqual(Object.keys(fields).sort(), [
      'attempts',
      'grace',
      'hookBefore',
      'memory',
      'nice',
      'overlap',
      'retryAfter',
      'spread',
      'timeout',
    ]);
    assert.equal(fields['grace'], 'must be a span from 1 min to 7 d, such as 24 h');
    assert.match(fields['hookBefore'] ?? '', /plain name of a script/);
  });

  it('say what is wrong with a window in its row, also behind an empty one', () => {
    const windows = [
      { from: '', to: '', days: DAYS },
      { from: '8:00', to: '25:00', days: DAYS },
      { from: '10:00', to: '10:00', days: DAYS },
      { from: '01:00', to: '02:00', days: [] },
    ];
    assert.deepEqual(fieldsOf({ windows }), {
      'window-1-to': 'must be a time such as 07:30',
      'window-2-from': 'must begin and end at different times of day',
      'window-3-days': 'choose at least one day',
    });
  });

  it('read no more windows than a plan may have', () => {
    const form = post({
      ...DEFAULT_OPTIONS_TEXT,
      windows: Array.from({ length: 40 }, () => ({ from: '01:00', to: '02:00', days: DAYS })),
    });
    assert.equal(readOptionsText(form).windows.length, 20);
  });
});

describe('The options of a plan in words', () => {
  it('list nothing of a plan nobody has changed, and everything that differs', () => {
    assert.deepEqual(listOptionFacts(DEFAULT_PLAN_OPTIONS), []);
    fc.assert(
      fc.property(anyOptions, (options) => {
        const isUsual = JSON.stringify(options) === JSON.stringify(DEFAULT_PLAN_OPTIONS);
        assert.equal(listOptionFacts(options).length === 0, isUsual);
      }),
    );
  });

  it('name days as people do', () => {
    assert.equal(describeDays([0, 1, 2, 3, 4, 5, 6]), 'every day');
    assert.equal(describeDays([1, 2, 3, 4, 5]), 'Monday to Friday');
    assert.equal(describeDays([0, 6]), 'Saturday, Sunday');
    assert.equal(describeDays([0, 5, 6]), 'Friday to Sunday');
    assert.equal(describeWindow({ from: '22:00', to: '06:00', days: [5] }), '22:00 to 06:00 of the next day, Friday');
  });

  it('read as sentences', () => {
    assert.deepEqual(
      describeOptions(DEFAULT_PLAN_OPTIONS).map((text) => text.replaceAll('\u00a0', ' ')),
      [
        'A host that was off runs it once when it can, within 24 h; after that the fire is missed.',
        'A run whose failure may pass is tried 3 times in all, the second time after 1 min.',
        'Due while it still runs, it is left out, and the list of runs says so.',
      ],
    );
  });
});
