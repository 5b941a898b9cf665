import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { DEFAULT_TENANT, type RunId } from '@holdfast/shared/domain/ids.ts';
import { LIVE } from '@holdfast/shared/limits.ts';
import { createBus } from '../../core/bus.ts';
import type { Bus } from '../../core/ports.ts';
import { createLiveFeed, type FeedEvent, type LiveFeed } from './live-feed.ts';

const RUN = 'run_1' as RunId;
const LIMITS = { ...LIVE, keptEvents: 5, keptBytes: 4000 };

let bus: Bus;
let feed: LiveFeed;

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout'] });
  bus = createBus();
  feed = createLiveFeed(bus, 'boot1', {}, LIMITS);
});
afterEach(() => {
  feed.close();
  mock.timers.reset();
});

const refresh = (topic: string) => bus.publish(DEFAULT_TENANT, { kind: 'refresh', topic });
const gather = () => mock.timers.tick(LIVE.gatherMs);
const log = (n: number, text = 'x') =>
  bus.publish(DEFAULT_TENANT, { kind: 'log', topic: 'run:run_1', run: RUN, lines: [{ n, at: 1, level: 'info', text }] });

/** Watches and keeps what comes, as id, topic and message. */
function watch(topics: string[], lastId?: string) {
  const seen: { id: string; topic: string; message: { kind: string; [key: string]: unknown } }[] = [];
  const deliver = (event: FeedEvent) => {
    const found = /^id: (\S+)\nevent: (\S+)\ndata: ([^\r\n]*)\n\n$/.exec(event.wire);
    assert.ok(found, event.wire);
    seen.push({ id: found[1] ?? '', topic: found[2] ?? '', message: JSON.parse(found[3] ?? '') });
  };
  const stop = feed.watch(DEFAULT_TENANT, { topics: new Set(topics), deliver }, lastId);
  return { seen, stop, kinds: () => seen.map(({ topic, message }) => `${topic} ${message.kind}`) };
}

describe('The live feed', () => {
  it('shows a viewer its topics and nothing else, until it stops', () => {
    const viewer = watch(['hosts', 'run:run_1']);
    refresh('plans');
    refresh('hosts');
    log(1);
    gather();
    viewer.stop();
    log(2);
    assert.deepEqual(viewer.kinds(), ['run:run_1 log', 'hosts refresh']);
  });

  it('merges refreshes of a topic and never loses the last', () => {
    const viewer = watch(['hosts']);
    for (let n = 0; n < 100; n += 1) refresh('hosts');
    gather();
    assert.equal(viewer.seen.length, 1, 'what comes together is told once');
    for (let n = 0; n < 100; n += 1) refresh('hosts');
    mock.timers.tick(LIVE.refreshGapMs - 1);
    assert.equal(viewer.seen.length, 1, 'what comes soon after waits');
    mock.timers.tick(1);
    assert.equal(viewer.seen.length, 2, 'the last comes after the gap');
    mock.timers.tick(LIVE.refreshGapMs * 10);
    assert.equal(viewer.seen.length, 2, 'nothing comes of itself');
    refresh('hosts');
    gather();
    assert.equal(viewer.seen.length, 3, 'after a rest the next comes at once again');
  });

  it('never holds log lines back', () => {
    const viewer = watch(['run:run_1']);
    for (let n = 1; n <= 50; n += 1) log(n);
    assert.equal(viewer.seen.length, 50);
  });

  it('speaks of progress in the words of the page', () => {
    const viewer = watch(['run:run_1']);
    const progress = { run: RUN, bytes: 512 * 1024 ** 2, totalBytes: 1024 ** 3, bytesPerSecond: 64 * 1024 ** 2, stage: 'store' };
    bus.publish(DEFAULT_TENANT, { kind: 'progress', topic: 'run:run_1', run: RUN, progress });
    const message = viewer.seen[0]?.message;
    assert.equal(message?.['percent'], 50);
    assert.match(String(message?.['text']), /50/);
  });

  it('keeps hostile text inside its line', () => {
    const viewer = watch(['run:run_1']);
    log(1, 'a\n\nevent: hosts\ndata: {"kind":"refresh"}\n\n\r\u2028</script>');
    assert.deepEqual(viewer.kinds(), ['run:run_1 log']);
  });

  it('gives a viewer that comes back exactly what it missed', () => {
    const first = watch(['hosts', 'run:run_1']);
    log(1);
    refresh('hosts');
    gather();
    first.stop();
    log(2);
    refresh('plans');
    gather();
    log(3);
    const again = watch(['hosts', 'run:run_1'], first.seen[1]?.id);
    assert.deepEqual(again.kinds(), ['run:run_1 log', 'run:run_1 log']);
    const upToDate = watch(['hosts', 'run:run_1'], again.seen[1]?.id);
    assert.deepEqual(upToDate.kinds(), []);
  });

  it('tells a viewer to look again when what it missed is kept no more', () => {
    const first = watch(['hosts', 'run:run_1']);
    log(0);
    first.stop();
    for (let n = 1; n <= LIMITS.keptEvents + 1; n += 1) log(n);
    const again = watch(['hosts', 'run:run_1'], first.seen[0]?.id);
    assert.deepEqual(again.kinds(), ['hosts refresh', 'run:run_1 refresh']);
  });

  it('keeps no more bytes than it may', () => {
    const first = watch(['run:run_1']);
    log(0);
    first.stop();
    log(1, 'x'.repeat(LIMITS.keptBytes));
    log(2);
    assert.deepEqual(watch(['run:run_1'], first.seen[0]?.id).kinds(), ['run:run_1 refresh']);
  });

  for (const [what, id] of [
    ['of a server before this one', 'boot0-1'],
    ['from the future', 'boot1-999'],
    ['that is none', 'x'],
    ['that is empty', ''],
  ]) {
    it(`tells a viewer with an id ${what} to look again`, () => {
      watch(['hosts']);
      assert.deepEqual(watch(['hosts'], id).kinds(), ['hosts refresh']);
    });
  }

  it('says nothing to a viewer that comes for the first time', () => {
    refresh('hosts');
    gather();
    assert.deepEqual(watch(['hosts']).kinds(), []);
  });

  describe('with somebody who can tell a topic', () => {
    let asked: string[];
    let answer: () => Promise<object>;
    beforeEach(() => {
      asked = [];
      answer = async () => ({ kind: 'counts', items: { hosts: { count: asked.length } } });
      const tell = (tenant: string) => {
        asked.push(tenant);
        return answer();
      };
      feed = createLiveFeed(bus, 'boot1', { counts: tell }, LIMITS);
    });
    const settle = () => new Promise((resolve) => setImmediate(resolve));

    it('reads it once for all who look, and tells it as it is then', async () => {
      const viewers = [watch(['counts']), watch(['counts', 'hosts'])];
      for (let n = 0; n < 10; n += 1) refresh('counts');
      gather();
      await settle();
      assert.deepEqual(asked, [DEFAULT_TENANT]);
      for (const { seen } of viewers)
        assert.deepEqual(
          seen.map(({ message }) => message),
          [{ kind: 'counts', items: { hosts: { count: 1 } } }],
        );
    });

    it('asks nobody while nobody looks; who comes back looks', async () => {
      const first = watch(['counts']);
      log(1);
      first.stop();
      refresh('counts');
      gather();
      await settle();
      assert.deepEqual([asked, watch(['counts'], 'boot1-1').kinds()], [[], ['counts refresh']]);
    });

    it('lets everybody look when it cannot be told, and tells in the order of asking', async () => {
      const viewer = watch(['counts']);
      const { promise: failed, reject: fail } = Promise.withResolvers<object>();
      answer = () => failed;
      refresh('counts');
      gather();
      await settle();
      answer = async () => ({ kind: 'counts', items: {} });
      refresh('counts');
      mock.timers.tick(LIVE.refreshGapMs);
      await settle();
      assert.deepEqual(viewer.kinds(), [], 'the second waits for the first');
      fail(new Error('the store is closed'));
      await settle();
      assert.deepEqual(viewer.kinds(), ['counts refresh', 'counts counts']);
    });
  });
});
