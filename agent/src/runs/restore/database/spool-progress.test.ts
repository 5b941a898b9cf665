import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createSpoolProgress } from './spool-progress.ts';

it('What is restored of a spooled dump lies around the readers that move, never falls, and never passes its size', () => {
  const progress = createSpoolProgress(1000);
  const look = (...places: readonly number[]) => progress.look(places.map((at, index) => ({ pid: index + 1, at })));
  assert.equal(look(0), 0);
  assert.equal(look(0, 100), 100);
  assert.equal(look(0, 200, 400), 300);
  assert.equal(look(0, 250, 400), 300, 'the one that stands still does not count, and nothing falls');
  assert.equal(look(0, 600, 400), 600);
  assert.equal(look(0, 600, 400), 600);
  assert.equal(look(), 600);
  assert.equal(look(0, 5000), 1000);
});
