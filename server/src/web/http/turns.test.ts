import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createTurns } from './turns.ts';

/** Counts the turns of the event loop until it is told to end. */
function countTurns() {
  let turn = 0;
  let isOver = false;
  const count = (): void => {
    turn += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  return {
    now: () => turn,
    end: () => {
      isOver = true;
    },
  };
}

describe('Turns of pages', () => {
  it('are taken one in each turn of the event loop, in the order of asking, and at once when nobody is there', async () => {
    const turns = createTurns();
    const loop = countTurns();
    const taken: { name: number; turn: number }[] = [];
    await Promise.all(
      [1, 2, 3, 4, 5].map(async (name) => {
        await turns.take();
        taken.push({ name, turn: loop.now() });
      }),
    );
    assert.deepEqual(
      taken.map(({ name }) => name),
      [1, 2, 3, 4, 5],
    );
    assert.equal(taken[0]?.turn, 0);
    assert.equal(new Set(taken.map(({ turn }) => turn)).size, 5);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const before = loop.now();
    await turns.take();
    assert.equal(loop.now(), before);
    loop.end();
  });

  it('go to people and to looks one by one while both wait; a look never goes in the turn in which it asked', async () => {
    const turns = createTurns();
    const loop = countTurns();
    const taken: string[] = [];
    const asked = [
      ...['look 1', 'look 2', 'look 3'].map((name) => ({ name, turn: turns.takeLater() })),
      ...['person 1', 'person 2'].map((name) => ({ name, turn: turns.take() })),
    ];
    const before = loop.now();
    await Promise.all(
      asked.map(async ({ name, turn }) => {
        await turn;
        taken.push(name);
        assert.ok(loop.now() > before, name);
      }),
    );
    assert.deepEqual(taken, ['look 1', 'person 1', 'look 2', 'person 2', 'look 3']);
    loop.end();
  });
});
