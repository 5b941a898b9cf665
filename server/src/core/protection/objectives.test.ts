import assert from 'node:assert/strict';
import test, { describe, it } from 'node:test';
import type { PlanId } from '@holdfast/shared/domain/ids.ts';
import { OBJECTIVES } from '@holdfast/shared/limits.ts';
import fc from 'fast-check';
import { describeOrigin, type ObjectiveHeirs, type Objectives, objectivesSchema, resolveObjectives } from './objectives.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const [NIGHTLY, HOURLY] = ['plan_nightly00000000000000' as PlanId, 'plan_hourly000000000000000' as PlanId];
const OBJECTIVE: Objectives = {
  fleet: { backupMinutes: 48 * 60, proofDays: 90 },
  plans: [
    { plan: NIGHTLY, backupMinutes: 26 * 60 },
    { plan: HOURLY, backupMinutes: 120, proofDays: 7 },
  ],
  tags: [
    { tag: 'prod', backupMinutes: 24 * 60, proofDays: 30 },
    { tag: 'test', proofDays: 365 },
  ],
};
const heirs = (change: Partial<ObjectiveHeirs> = {}): ObjectiveHeirs => ({
  plans: [{ id: 'plan_other' as PlanId, name: 'other' }],
  tags: [],
  canProve: true,
  ...change,
});
const nightly = { id: NIGHTLY, name: 'nightly' };
const hourly = { id: HOURLY, name: 'hourly' };

function explain(change: Partial<ObjectiveHeirs>): readonly (string | undefined)[] {
  const { backup, proof } = resolveObjectives(OBJECTIVE, heirs(change));
  return [
    backup && `${backup.ms / HOUR} h ${describeOrigin(backup.origin)}`,
    proof && `${proof.ms / DAY} d ${describeOrigin(proof.origin)}`,
  ];
}

describe('Objectives of a source', () => {
  const cases: readonly (readonly [string, Partial<ObjectiveHeirs>, string | undefined, string | undefined])[] = [
    ['are those of the fleet where nothing nearer says anything', {}, '48 h of the whole fleet', '90 d of the whole fleet'],
    ['come from a tag of its host', { tags: ['prod'] }, '24 h of the tag prod', '30 d of the tag prod'],
    ['come from each value’s own origin', { tags: ['test'] }, '48 h of the whole fleet', '365 d of the tag test'],
    ['take the strictest of several tags', { tags: ['test', 'prod'] }, '24 h of the tag prod', '30 d of the tag prod'],
    [
      'of a plan stand above those of a tag',
      { plans: [nightly], tags: ['prod'] },
      '26 h of the plan nightly',
      '30 d of the tag prod',
    ],
    ['take the strictest of several plans', { plans: [nightly, hourly] }, '2 h of the plan hourly', '7 d of the plan hourly'],
    ['of its own stand above all', { plans: [hourly], proofDays: 400 }, '2 h of the plan hourly', '400 d of this source'],
    ['are no proof where nothing can be tried out', { canProve: false }, '48 h of the whole fleet', undefined],
    ['are none in no plan', { plans: [], tags: ['prod'] }, undefined, undefined],
  ];
  for (const [title, change, backup, proof] of cases) it(title, () => assert.deepEqual(explain(change), [backup, proof]));
});

test('with no rules at all nothing is wanted', () => {
  assert.deepEqual(resolveObjectives(objectivesSchema.parse({}), heirs({ plans: [nightly], tags: ['prod'] })), {
    backup: undefined,
    proof: undefined,
  });
});

test('a stricter rule at the same distance never loosens what is wanted', () => {
  const minutes = fc.integer({ min: OBJECTIVES.minutesMin, max: OBJECTIVES.minutesMax });
  fc.assert(
    fc.property(fc.array(minutes, { minLength: 1, maxLength: 6 }), minutes, (rules, more) => {
      const make = (values: readonly number[]): Objectives => ({
        fleet: {},
        plans: [],
        tags: values.map((backupMinutes, index) => ({ tag: `t${index}`, backupMinutes })),
      });
      const resolve = (values: readonly number[]) =>
        resolveObjectives(make(values), heirs({ tags: values.map((_, index) => `t${index}`) })).backup?.ms ?? Number.NaN;
      assert.ok(resolve([...rules, more]) <= resolve(rules));
      assert.equal(resolve([...rules, more]), Math.min(...rules, more) * 60_000);
    }),
  );
});

describe('Objectives are refused', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['with a rule that says nothing', { tags: [{ tag: 'prod' }] }],
    [
      'with a tag named twice',
      {
        tags: [
          { tag: 'a', proofDays: 1 },
          { tag: 'a', proofDays: 2 },
        ],
      },
    ],
    [
      'with a plan named twice',
      {
        plans: [
          { plan: NIGHTLY, proofDays: 1 },
          { plan: NIGHTLY, proofDays: 2 },
        ],
      },
    ],
    ['with less than five minutes', { fleet: { backupMinutes: 4 } }],
    ['with a part of a day', { fleet: { proofDays: 1.5 } }],
    ['with what nobody knows', { fleet: {}, tenants: [] }],
    ['with a tag that is markup', { tags: [{ tag: '<b>', proofDays: 1 }] }],
    ['with too many rules', { tags: Array.from({ length: OBJECTIVES.rules + 1 }, (_, n) => ({ tag: `t${n}`, proofDays: 1 })) }],
  ];
  for (const [title, value] of cases) it(title, () => assert.equal(objectivesSchema.safeParse(value).success, false));
});
