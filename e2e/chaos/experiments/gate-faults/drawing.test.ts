import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSeed } from '../../seed.ts';
import { drawTries } from './drawing.ts';
import { CONTROLS, FAULTS } from './faults.ts';

const seed = () => createSeed(7).fork('gate-faults');
const outline = (effort: 'selection' | 'full', count: number, from = 0) =>
  drawTries(seed(), effort, FAULTS, count, from).map(({ index, fault, sourceKind, storageKind }) => [
    index,
    fault.kind,
    sourceKind,
    storageKind,
  ]);

describe('The tries of the gate', () => {
  it('are given by the seed', () => {
    assert.deepEqual(outline('full', 100), outline('full', 100));
  });

  it('are of at least twelve kinds, each with its turn before any has a second one', () => {
    assert.ok(FAULTS.length >= 12);
    const kinds = outline('full', FAULTS.length).map(([, kind]) => kind);
    assert.equal(new Set(kinds).size, FAULTS.length);
    assert.equal(new Set([...FAULTS, ...CONTROLS].map(({ kind }) => kind)).size, FAULTS.length + CONTROLS.length);
  });

  it('meet every source and every repository, and no fault where it cannot strike', () => {
    const tries = drawTries(seed(), 'full', FAULTS, 1000);
    assert.equal(new Set(tries.map(({ sourceKind, storageKind }) => `${sourceKind} ${storageKind}`)).size, 12);
    for (const { fault, sourceKind, storageKind } of tries) {
      assert.ok(fault.sources?.includes(sourceKind) ?? true, `${fault.kind} on ${sourceKind}`);
      assert.ok(fault.storages?.includes(storageKind) ?? true, `${fault.kind} to ${storageKind}`);
    }
  });

  it('of a selection stay with what starts quickly', () => {
    const storages = new Set(outline('selection', 60).map(([, , , storage]) => storage));
    assert.deepEqual([...storages].sort(), ['local', 'rest']);
  });
});
