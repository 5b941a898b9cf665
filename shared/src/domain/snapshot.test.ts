import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { engineSnapshotIdSchema, findTags, formatTags, type SnapshotTags, TAG_KEYS } from './snapshot.ts';

const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/);
const tagsOf: fc.Arbitrary<SnapshotTags> = fc.record(
  { tenant: id, host: id, plan: id, source: id, run: id, role: id },
  { noNullPrototype: true },
);
const sample: SnapshotTags = { tenant: 'ten_1', host: 'host_1', plan: 'plan_1', source: 'src_1', run: 'run_1', role: 'data' };

describe('The tags of a snapshot', () => {
  it('name everything the ledger needs', () => {
    assert.deepEqual(formatTags(sample), [
      'tenant:ten_1',
      'host:host_1',
      'plan:plan_1',
      'source:src_1',
      'run:run_1',
      'role:data',
    ]);
  });

  it('are read back from any order, among tags of others', () => {
    fc.assert(
      fc.property(tagsOf, fc.array(fc.stringMatching(/^[a-z]{1,5}$/)), (tags, others) => {
        assert.deepEqual(findTags([...others, ...formatTags(tags).reverse()]), tags);
      }),
    );
  });

  it('are none of ours when one is missing', () => {
    for (const key of TAG_KEYS) assert.equal(findTags(formatTags(sample).filter((tag) => !tag.startsWith(`${key}:`))), undefined);
    assert.equal(findTags([]), undefined);
  });

  it('hold no comma, which restic would take for two tags', () => {
    fc.assert(fc.property(tagsOf, (tags) => formatTags(tags).every((tag) => !tag.includes(','))));
  });
});

describe('The engine’s id of a snapshot', () => {
  it('is 64 digits of hex and nothing else', () => {
    assert.equal(engineSnapshotIdSchema.safeParse('a'.repeat(64)).success, true);
    for (const bad of [
      '',
      'latest',
      'a'.repeat(63),
      'a'.repeat(65),
      'A'.repeat(64),
      `${'a'.repeat(63)}\n`,
      `--${'a'.repeat(62)}`,
    ])
      assert.equal(engineSnapshotIdSchema.safeParse(bad).success, false, bad);
  });
});
