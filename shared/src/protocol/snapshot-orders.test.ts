import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunId, SourceId } from '../domain/ids.ts';
import { cutOrders } from './snapshot-orders.ts';

/** `parts` backups of one source, each of so many snapshots. */
const make = (parts: number, each: number) =>
  Array.from({ length: parts * each }, (_, at) => ({
    run: `run_${Math.floor(at / each)}` as RunId,
    source: 'src_shop' as SourceId,
    nth: at % each,
  }));

const sizes = (orders: readonly (readonly unknown[])[]) => orders.map(({ length }) => length);

describe('Snapshots that orders name', () => {
  it('are one order up to its limit, and two from there on', () => {
    assert.deepEqual(sizes(cutOrders([])), []);
    assert.deepEqual(sizes(cutOrders(make(100, 1))), [100]);
    assert.deepEqual(sizes(cutOrders(make(101, 1))), [100, 1]);
    assert.deepEqual(sizes(cutOrders(make(50, 2))), [100]);
  });

  it('are cut between backups, so that roles go with their data', () => {
    const orders = cutOrders(make(67, 3));
    assert.deepEqual(sizes(orders), [99, 99, 3]);
    for (const order of orders) for (const { run } of order) assert.equal(order.filter((one) => one.run === run).length, 3);
  });

  it('find those of one backup however far they are apart', () => {
    const all = make(80, 2);
    const apart = [...all.filter(({ nth }) => nth === 0), ...all.filter(({ nth }) => nth === 1)];
    for (const order of cutOrders(apart))
      for (const { run } of order) assert.equal(order.filter((one) => one.run === run).length, 2);
  });

  it('are parted where one backup alone is more than an order', () => {
    assert.deepEqual(sizes(cutOrders(make(1, 7), 3)), [3, 3, 1]);
    assert.deepEqual(sizes(cutOrders([...make(1, 1), ...make(3, 2)], 3)), [3, 2, 2]);
  });
});
