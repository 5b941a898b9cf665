import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { PlanId } from '@holdfast/shared/domain/ids.ts';
import { createStandIn, type StandIn } from './stand-in.ts';

const PLAN = 'plan_a' as PlanId;

/** A disk that takes writes, refuses them, or fails in a way nobody expects. */
describe('Settled fires while the disk refuses writes', () => {
  let disk: 'works' | 'full' | 'broken';
  let settled: Map<PlanId, number>;
  let slots: Set<number>;
  let standIn: StandIn;
  beforeEach(() => {
    disk = 'works';
    settled = new Map();
    slots = new Set();
    standIn = createStandIn({
      fires: {
        lastConsidered: (plan) => settled.get(plan),
        setLastConsidered: (plan, at) => void settled.set(plan, at),
        consider: (_plan, fireAt) => !slots.has(fireAt) && slots.add(fireAt) !== undefined,
      },
      transact: (effects) => {
        const before = { settled: new Map(settled), slots: new Set(slots) };
        try {
          const result = effects();
          if (disk !== 'works') throw new Error(disk);
          return result;
        } catch (error) {
          settled = before.settled;
          slots = before.slots;
          throw error;
        }
      },
      isUnwritable: (error) => error instanceof Error && error.message === 'full',
    });
  });
  const settle = (fireAt: number) =>
    standIn.transact(() => {
      standIn.fires().setLastConsidered(PLAN, fireAt);
      return standIn.fires().consider(PLAN, fireAt);
    });

  it('are kept in memory, once each, and written back as soon as it takes them', () => {
    disk = 'full';
    assert.deepEqual([settle(5), settle(5), settle(7)], [true, false, true]);
    assert.equal(standIn.fires().lastConsidered(PLAN), 7);
    standIn.writeBack();
    assert.deepEqual([settled.size, slots.size, standIn.fires().lastConsidered(PLAN)], [0, 0, 7]);
    disk = 'works';
    standIn.writeBack();
    assert.deepEqual([settled.get(PLAN), [...slots]], [7, [5, 7]]);
    assert.deepEqual([settle(7), settle(9)], [false, true]);
  });

  it('are forgotten again when what was to happen with them failed', () => {
    disk = 'full';
    settle(5);
    const failing = () =>
      standIn.transact(() => {
        standIn.fires().setLastConsidered(PLAN, 8);
        standIn.fires().consider(PLAN, 8);
        throw new Error('no run');
      });
    assert.throws(failing, /no run/u);
    disk = 'works';
    assert.throws(failing, /no run/u);
    standIn.writeBack();
    assert.deepEqual([settled.get(PLAN), [...slots]], [5, [5]]);
  });

  it('are forgotten again when what was to happen failed only while the disk was full', () => {
    disk = 'full';
    settle(5);
    let tries = 0;
    const failing = () =>
      standIn.transact(() => {
        standIn.fires().consider(PLAN, 8);
        tries += 1;
        if (tries === 2) throw new Error('no run');
      });
    assert.throws(failing, /no run/u);
    disk = 'works';
    standIn.writeBack();
    assert.deepEqual([...slots], [5]);
  });

  it('hide no other failure of the journal', () => {
    disk = 'full';
    settle(5);
    disk = 'broken';
    assert.throws(() => settle(6), /broken/u);
    assert.throws(() => standIn.writeBack(), /broken/u);
    assert.equal(standIn.fires().lastConsidered(PLAN), 5);
  });
});
