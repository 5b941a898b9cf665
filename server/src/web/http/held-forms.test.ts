import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createFixedClock } from '@holdfast/shared/clock.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import { createHeldForms } from './held-forms.ts';

function open() {
  const clock = createFixedClock(0);
  let next = 1;
  return { clock, helds: createHeldForms(clock, () => `form-${next++}`) };
}
const form = (text: string) => ({ url: '/hosts', form: { text }, what: 'approve a host' });

describe('A form that waits for its sender', () => {
  it('is found by its session alone, as it was sent, until it is done', () => {
    const { helds } = open();
    const name = helds.hold('sess_1', { ...form('secret'), from: '/hosts/new' });
    assert.deepEqual(helds.find('sess_1', name), { ...form('secret'), from: '/hosts/new' });
    assert.equal(helds.find('sess_2', name), undefined);
    assert.equal(helds.find('sess_1', 'form-9'), undefined);
    helds.forget(name);
    assert.equal(helds.find('sess_1', name), undefined);
  });

  it('waits so long and no longer', () => {
    const { helds, clock } = open();
    const name = helds.hold('sess_1', form('x'));
    clock.advance(HTTP.heldFormMs - 1);
    assert.ok(helds.find('sess_1', name));
    clock.advance(1);
    assert.equal(helds.find('sess_1', name), undefined);
  });

  it('is one of so many of its session, of which the oldest goes, and pushes out none of another session', () => {
    const { helds } = open();
    const other = helds.hold('sess_2', form('x'));
    const names = Array.from({ length: HTTP.heldFormsPerSession + 1 }, () => helds.hold('sess_1', form('x')));
    assert.deepEqual(
      names.map((name) => helds.find('sess_1', name) !== undefined),
      names.map((_name, at) => at > 0),
    );
    assert.ok(helds.find('sess_2', other));
  });

  it('makes room for a newer one where all of them together hold too much', () => {
    const { helds } = open();
    const half = 'x'.repeat(HTTP.heldFormChars / 2);
    const names = ['sess_1', 'sess_2', 'sess_3'].map((session) => [session, helds.hold(session, form(half))] as const);
    assert.deepEqual(
      names.map(([session, name]) => helds.find(session, name) !== undefined),
      [false, false, true],
    );
  });
});
