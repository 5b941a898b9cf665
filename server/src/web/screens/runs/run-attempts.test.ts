import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT, type RunId } from '@holdfast/shared/domain/ids.ts';
import type { Reason } from '@holdfast/shared/domain/reason.ts';
import * as calendar from '../../../fires/fires.ts';
import { createFleet, type Fleet, HOSTILE } from '../fixtures/fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { createOverviewScreens } from '../overview/overview.ts';
import { RUN_SCREENS } from './run.ts';

const MINUTE = 60_000;

let world: World;
let fleet: Fleet;

before(async () => {
  world = await createWorld([...RUN_SCREENS, ...createOverviewScreens(calendar)]);
  fleet = await createFleet(world);
});
after(() => world.close());

async function playAttempts(retryAt: number, count: number, reason: Reason = 'repository_unreachable'): Promise<RunId> {
  const host = fleet.hosts['git'] ?? assert.fail();
  const source = fleet.sources['git'] ?? assert.fail();
  const run = await fleet.play({ host, sources: [source], at: NOW - 10 * MINUTE, tookMs: 1000, open: 'running', log: [] });
  const failure = { code: 'unavailable', message: `${HOSTILE} nobody answers.`, reason } as const;
  const events = Array.from({ length: count }, (_, index) => ({
    seq: index + 1,
    event: {
      type: 'run.attempt' as const,
      run,
      at: NOW - (count - index) * MINUTE,
      attempt: index + 1,
      failure,
      retryAt: index + 1 === count ? retryAt : NOW - MINUTE,
    },
  }));
  await world.context.store.events.applyEvents(DEFAULT_TENANT, host, `attempts-${run}`, events, NOW);
  return run;
}

describe('The page of a run that is tried again', () => {
  it('says what failed, as text, and when the next attempt begins', async () => {
    const page = await world.read(`/runs/${await playAttempts(NOW + 5 * MINUTE, 1)}`);
    assert.match(page, /Waiting for its next attempt\./);
    assert.doesNotMatch(page, /data-live-progress/);
    assert.match(page, /An attempt failed and is followed by another/);
    assert.match(page, /nobody answers/);
    assert.match(page, / · The repository did not answer the host · the next one/);
    assert.match(page, /the next one begins <time[^>]*>in 5/);
    assert.ok(!page.includes(HOSTILE));
  });

  it('names what is tried again where the run has several sources', async () => {
    const host = fleet.hosts['db-2.fra'] ?? assert.fail();
    const [orders, shop] = [fleet.sources['orders'] ?? assert.fail(), fleet.sources['shop'] ?? assert.fail()];
    const run = await fleet.play({
      host,
      sources: [orders, shop],
      at: NOW - 10 * MINUTE,
      tookMs: 1000,
      open: 'running',
      log: [],
    });
    const failure = { code: 'tool_failed', message: 'gone.', reason: 'dump_failed' } as const;
    const attempt = {
      type: 'run.attempt',
      run,
      at: NOW - MINUTE,
      attempt: 1,
      failure,
      retryAt: NOW + MINUTE,
      sources: [shop],
    } as const;
    await fleet.tell(host, [{ ...attempt, sources: [...attempt.sources] }]);
    assert.match(await world.read(`/runs/${run}`), /tried again: shop · the next one begins/);
  });

  it('waits for others who hold the repository until its next attempt has begun', async () => {
    const run = await playAttempts(NOW - MINUTE, 1, 'repository_locked');
    const waiting = await world.read(`/runs/${run}`);
    assert.match(waiting, /Waiting until others let go of its repository\./);
    assert.match(waiting, / · Another operation holds a lock on the repository · the host looks each minute/);
    assert.doesNotMatch(waiting, /data-live-progress/);
    const host = fleet.hosts['git'] ?? assert.fail();
    const stage = (name: 'after' | 'preflight', ended: boolean, at: number) =>
      ({ type: 'run.stage', run, at, stage: name, ended, ...(ended ? { ok: true } : {}) }) as const;
    await fleet.tell(host, [stage('after', false, NOW - MINUTE + 1), stage('after', true, NOW - MINUTE + 2)]);
    assert.match(await world.read(`/runs/${run}`), /Waiting until others/, 'the script after the failed attempt is none');
    await fleet.tell(host, [stage('preflight', false, NOW - 1), stage('preflight', true, NOW)]);
    assert.doesNotMatch(await world.read(`/runs/${run}`), /Waiting until others|looks each minute/);
  });

  it('waits on the overview too, where what runs shows that it moves', async () => {
    const waiting = await playAttempts(NOW + 5 * MINUTE, 1);
    const lineOf = async (run: RunId) => {
      const page = await world.read('/');
      const at = page.indexOf(`/runs/${run}"`);
      assert.ok(at > 0);
      return page.slice(at, page.indexOf('</li>', at));
    };
    assert.match(await lineOf(waiting), /waits for its next attempt/);
    const running = await playAttempts(NOW - MINUTE, 1);
    assert.doesNotMatch(await lineOf(running), /waits for its next attempt/);
  });

  it('lists the attempts newest first, and promises nothing once the next one runs', async () => {
    const page = await world.read(`/runs/${await playAttempts(NOW - MINUTE, 3)}`);
    assert.match(page, /3 attempts failed/);
    assert.doesNotMatch(page, /the next one begins|Waiting for its next attempt/);
    const numbers = [...page.matchAll(/Attempt (\d):/g)].map((match) => match[1]);
    assert.deepEqual(numbers, ['3', '2', '1']);
  });
});
