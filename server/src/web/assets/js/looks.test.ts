import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import vm from 'node:vm';

const SCRIPT = readFileSync(new URL('./looks.js', import.meta.url), 'utf8');
const DELAY_MS = 30;

type Answer = { tag: string; isSame: boolean };
type Fetched = { url: string; ids: string; tag: string; atMs: number; answer(answer?: Partial<Answer>): Promise<void> };
type Looks = {
  want(url: string, id: string, delayMs: number): void;
  isComing(url: string, id: string): boolean;
  forget(): void;
  resume(): void;
};

let nowMs: number;
let isAway: boolean;
let fetched: Fetched[];
let looks: Looks;

/** Until what an answer set going has been done. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout'] });
  nowMs = 0;
  isAway = false;
  fetched = [];
  const scope: Record<string, unknown> = { setTimeout, clearTimeout };
  vm.runInNewContext(SCRIPT, scope);
  const fetchPieces = (url: string, ids: readonly string[], tag: string) =>
    new Promise<Answer>((resolve) => {
      const answer = (said: Partial<Answer> = {}) => {
        resolve({ tag: '', isSame: false, ...said });
        return settle().then(() => undefined);
      };
      fetched.push({ url, ids: ids.join(' '), tag, atMs: nowMs, answer });
    });
  const create = scope['holdfastLooks'] as (options: object) => Looks;
  looks = create({ now: () => nowMs, isAway: () => isAway, fetchPieces });
});
afterEach(() => mock.timers.reset());

function pass(ms: number): void {
  for (let n = 0; n < ms; n += 1) {
    nowMs += 1;
    mock.timers.tick(1);
  }
}
const want = (id: string, url = '/', delayMs = DELAY_MS) => looks.want(url, id, delayMs);
/** Until the next one is fetched, which rests put off by some seconds at most. */
function passToNext(): void {
  const before = fetched.length;
  for (let n = 0; n < 6000 && fetched.length === before; n += 1) pass(1);
}
const newest = (): Fetched => fetched.at(-1) ?? assert.fail('nothing was fetched');

describe('What a page looks up', () => {
  it('is fetched soon after the first change, all pieces of an address by one request', () => {
    for (const id of ['lede', 'body', 'heading', 'body']) want(id);
    want('table', '/runs');
    pass(DELAY_MS - 1);
    assert.equal(fetched.length, 0);
    pass(1);
    assert.deepEqual(
      fetched.map(({ url, ids }) => `${url} ${ids}`),
      ['/ body heading lede', '/runs table'],
    );
  });

  it('is never fetched twice at a time: what changes meanwhile is fetched once, after a rest', async () => {
    want('body');
    pass(DELAY_MS);
    for (let n = 0; n < 20; n += 1) {
      want('body');
      pass(5);
    }
    assert.deepEqual([fetched.length, looks.isComing('/', 'body')], [1, true]);
    await newest().answer();
    assert.equal(looks.isComing('/', 'body'), false);
    pass(149);
    assert.equal(fetched.length, 1);
    pass(1);
    assert.equal(fetched.length, 2);
    await newest().answer();
    pass(10_000);
    assert.equal(fetched.length, 2, 'nothing is fetched of itself');
  });

  it('rests the longer the longer the server takes, not for a single slow answer, and no longer than three seconds', async () => {
    want('body');
    passToNext();
    for (const [tookMs, restMs] of [
      [10, 150],
      [300, 150],
      [300, 600],
      [8000, 600],
      [8000, 3000],
      [10, 150],
    ] as const) {
      pass(tookMs);
      await newest().answer();
      const endedMs = nowMs;
      want('body');
      passToNext();
      assert.equal(newest().atMs - endedMs, restMs, `after ${tookMs} ms`);
    }
  });

  it('that may wait does not come along with what may not, nor keep it waiting', async () => {
    want('log-head', '/', 800);
    pass(10);
    want('stages');
    pass(DELAY_MS);
    assert.equal(newest().ids, 'stages');
    await newest().answer();
    pass(760);
    assert.deepEqual([newest().ids, newest().atMs], ['log-head', 800]);
  });

  it('is named by what the page has, until somebody else changed the page', async () => {
    const look = async (answer: Partial<Answer>, id = 'body') => {
      want(id);
      passToNext();
      const { tag } = newest();
      await newest().answer(answer);
      return tag;
    };
    assert.equal(await look({ tag: 'one' }), '');
    assert.equal(await look({ tag: 'one', isSame: true }), 'one');
    assert.equal(await look({ tag: 'two' }, 'heading'), '', 'other pieces have another tag');
    assert.equal(await look({ tag: 'three' }), '');
    looks.forget();
    assert.equal(await look({ tag: 'three' }), '');
  });

  it('is fetched whole once more when the page was changed while nothing new came for it', async () => {
    want('body');
    pass(DELAY_MS);
    await newest().answer({ tag: 'one' });
    want('body');
    passToNext();
    assert.equal(newest().tag, 'one');
    looks.forget();
    await newest().answer({ tag: 'one', isSame: true });
    passToNext();
    assert.deepEqual([fetched.length, newest().ids, newest().tag], [3, 'body', '']);
  });

  it('waits while nobody sees the page, and is fetched once when somebody does', () => {
    isAway = true;
    for (let n = 0; n < 5; n += 1) {
      want('body');
      pass(1000);
    }
    assert.equal(fetched.length, 0);
    isAway = false;
    looks.resume();
    pass(0);
    mock.timers.tick(0);
    assert.equal(fetched.length, 1);
  });

  it('of an address that cannot be had is asked for again at the next change', async () => {
    const scope: Record<string, unknown> = { setTimeout, clearTimeout };
    vm.runInNewContext(SCRIPT, scope);
    let asked = 0;
    const fetchPieces = () => {
      asked += 1;
      return Promise.reject(new Error('away'));
    };
    const failing = (scope['holdfastLooks'] as (options: object) => Looks)({
      now: () => nowMs,
      isAway: () => false,
      fetchPieces,
    });
    for (let n = 1; n <= 3; n += 1) {
      failing.want('/', 'body', DELAY_MS);
      pass(DELAY_MS);
      await settle();
      pass(1000);
      assert.equal(asked, n);
    }
  });
});
