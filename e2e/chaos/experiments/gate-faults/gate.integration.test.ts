import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { isGood, type Outcome } from '../../experiment.ts';
import { openTestLab } from '../fixtures/test-lab.ts';
import { type Fault, makeMischief } from './fault.ts';
import { gateFaults, tryGate } from './gate.ts';

const show = (outcomes: readonly Outcome[]) => JSON.stringify(outcomes, undefined, 2);

/** A dump that is cut short by a program that says all is well: nothing but a comparison with the source can know. */
const LIE: Fault = {
  ...makeMischief('lie', (seed, bytes) => ({ kind: 'lie', bytes: seed.int([600, bytes / 2]) })),
  allowed: ['succeeded'],
};

/** A file in the agent's scratch space that no run removes. */
const LITTER: Fault = {
  kind: 'litter',
  sources: ['files'],
  storages: ['local'],
  allowed: ['succeeded'],
  leftoverMs: 300,
  async before({ lane, mendWith }) {
    const file = join(lane.agent.stateDir, 'tmp', 'litter');
    mendWith(() => rm(file));
    await writeFile(file, '');
  },
};

describe('The gate under faults', { timeout: 240_000 }, () => {
  it('makes no snapshot that looks good and is not, and leaves nothing behind', async (t) => {
    const { lab, injections } = await openTestLab(t, 'selection');
    const outcomes = await gateFaults.run(lab);
    assert.deepEqual(
      outcomes.map(({ name }) => name),
      gateFaults.figures,
    );
    assert.ok(outcomes.every(isGood), show(outcomes));
    assert.ok(injections.length > 0);
  });

  it('is found out when a dump was cut short, and when something is left', async (t) => {
    const { lab } = await openTestLab(t, 'selection');
    const outcomes = await tryGate(lab, { faults: [LIE, LITTER], tries: 2, controls: 0 });
    const [faults, leftovers, controls] = outcomes;
    assert.equal(faults?.bad, 1, show(outcomes));
    assert.match(faults?.findings[0] ?? '', /lie on .* is offered, but (?:it is unreadable|the d)/);
    assert.equal(leftovers?.bad, 1, show(outcomes));
    assert.match(leftovers?.findings[0] ?? '', /litter on files to local .* left litter/);
    assert.ok(controls && isGood(controls), show(outcomes));
  });
});
