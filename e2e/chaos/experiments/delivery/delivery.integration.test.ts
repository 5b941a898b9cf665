import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PlanId, RepositoryId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { durableEventSchema } from '@holdfast/shared/protocol/events.ts';
import { isGood } from '../../experiment.ts';
import type { Injection } from '../../proxy/faults.ts';
import { createSeed } from '../../seed.ts';
import { openTestLab } from '../fixtures/test-lab.ts';
import { DELIVERY } from './experiment.ts';
import { compareRuns } from './ledger.ts';
import { createRun } from './stream.ts';

const SUBJECT = { source: 'src_1' as SourceId, plan: 'plan_1' as PlanId, repository: 'repo_1' as RepositoryId };

describe('The comparison of reports with the ledger', () => {
  const told = [0, 1, 2].map((index) => createRun(createSeed(1).fork(`run ${index}`), index, SUBJECT));
  const expected = told.map((run) => run.expected);
  const [first, second] = expected;
  assert.ok(first && second);

  it('is made for events that the wire takes, of runs that differ', () => {
    for (const event of told.flatMap(({ events }) => events)) assert.ok(durableEventSchema.safeParse(event).success, event.type);
    assert.equal(new Set(expected.map(({ id }) => id)).size, 3);
  });

  it('finds nothing in a ledger that is equal', () => {
    assert.deepEqual(compareRuns(expected, expected.toReversed()), []);
  });

  it('finds a run that is missing, doubled, invented, or differs in anything', () => {
    assert.match(compareRuns(expected, expected.slice(1)).join(), /missing/);
    assert.match(compareRuns(expected, [...expected, first]).join(), /twice/);
    assert.match(compareRuns([first], expected).join(), /never told/);
    for (const key of Object.keys(first) as (keyof typeof first)[]) {
      const forged = { ...first, [key]: `${first[key]}0` };
      assert.notEqual(compareRuns([first, second], [forged, second]).length, 0, key);
    }
  });
});

describe('A line that doubles, reorders and cuts messages', () => {
  it('leaves the ledger exactly equal to what was told', async (t) => {
    const { lab, injections } = await openTestLab(t, 'selection');
    const outcomes = await DELIVERY.run(lab);
    assert.deepEqual(
      outcomes.flatMap(({ findings }) => findings),
      [],
    );
    assert.ok(outcomes.every(isGood));
    const faults = new Set((injections as Injection[]).map(({ fault }) => fault));
    for (const fault of ['duplicate', 'reorder', 'cutMessage'] as const)
      assert.ok(faults.has(fault), `nothing was subject to ${fault}`);
  });
});
