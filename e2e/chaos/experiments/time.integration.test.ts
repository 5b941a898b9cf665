import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { isGood, type Lab } from '../experiment.ts';
import { createSeed } from '../seed.ts';
import { ALL_ZONES, ENDURANCE } from './time.ts';

describe('The experiments on time', () => {
  for (const experiment of [ALL_ZONES, ENDURANCE]) {
    it(`find nothing in their selection: ${experiment.figures.join(', ')}`, async (t) => {
      const directory = mkdtempSync(join(tmpdir(), 'holdfast-time-'));
      t.after(() => rmSync(directory, { recursive: true }));
      const lab: Lab = {
        effort: 'selection',
        seed: createSeed(1).fork('time'),
        makeDirectory: async () => directory,
        say: () => undefined,
        record: () => undefined,
      };
      const outcomes = await experiment.run(lab);
      assert.deepEqual(
        outcomes.map((outcome) => [outcome.name, isGood(outcome), outcome.findings]),
        experiment.figures.map((name) => [name, true, []]),
      );
      assert.ok(outcomes.every((outcome) => outcome.tried > 100));
    });
  }
});
