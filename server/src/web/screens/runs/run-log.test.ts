import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT, type RunId } from '@holdfast/shared/domain/ids.ts';
import type { LogLevel } from '@holdfast/shared/domain/run.ts';
import { LOG } from '@holdfast/shared/limits.ts';
import { runShape, toRunShape } from '../../api/runs.ts';
import { createFleet, type Fleet } from '../fixtures/fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { RUN_SCREENS } from './run.ts';

const DAY = 24 * 3_600_000;
const WIDE = 'y'.repeat(16_000);
const WIDE_LINES = Math.ceil(LOG.runBytes / WIDE.length) + 20;

let world: World;
let fleet: Fleet;
/** Writes far more than its limit, and fails. */
let loud: RunId;
let total: number;

before(async () => {
  world = await createWorld(RUN_SCREENS);
  fleet = await createFleet(world);
  const [host, source] = [fleet.hosts['db-1.fra'] ?? assert.fail(), fleet.sources['app'] ?? assert.fail()];
  loud = await fleet.play({ host, plan: fleet.plans.hourly, sources: [source], at: NOW, tookMs: 1000, open: 'running', log: [] });
  let n = 0;
  const say = (count: number, text: string, level: LogLevel = 'info') => {
    const lines = Array.from({ length: count }, () => {
      n += 1;
      return { n, at: NOW + n, level, text: `${n} ${text}` };
    });
    return fleet.tell(host, [{ type: 'run.log', run: loud, at: NOW, lines }]);
  };
  await say(1000, 'short');
  for (let done = 0; done < WIDE_LINES; done += 10) await say(10, WIDE);
  await say(1, 'grave', 'error');
  await say(700, 'late');
  total = n;
  const failure = { code: 'tool_failed' as const, message: 'broke', reason: 'dump_failed' as const };
  const end = { state: 'failed' as const, failure, evidence: [], bytes: 0, logLines: n, durationMs: 1000 };
  await fleet.tell(host, [{ type: 'run.finished', run: loud, at: NOW + 1000, ...end }]);
});
after(() => world.close());

const numbersOf = (page: string): number[] => [...page.matchAll(/data-n="(\d+)"/g)].map(([, n]) => Number(n));
const findRun = async () => (await world.context.store.runs.findRun(DEFAULT_TENANT, loud)) ?? assert.fail();

async function download(format: string): Promise<string> {
  const reply = await world.ask('get', `/runs/${loud}/log.txt${format}`);
  if (reply.kind !== 'download' || typeof reply.body === 'string') throw new Error('the log is streamed');
  let text = '';
  for await (const piece of reply.body) text += piece;
  return text;
}

describe('The log of a run above its limit', () => {
  it('says on its page how many lines are missing, and shows the last lines there are', async () => {
    const page = await world.read(`/runs/${loud}`);
    const { logLinesLeftOut } = await findRun();
    assert.ok(logLinesLeftOut !== undefined && logLinesLeftOut > 500);
    assert.match(page, new RegExp(`${total.toLocaleString('en')}.lines · ${logLinesLeftOut}.lines not kept`));
    assert.match(page, new RegExp(`… ${logLinesLeftOut} lines left out: the log of this run is above 5 MiB`));
    const numbers = numbersOf(page);
    assert.deepEqual([numbers.length, numbers.at(-1)], [500, total]);
    assert.match(page, /\d+ grave/);
  });

  it('leads back to its first line and forward again without a line twice or none', async () => {
    const kept: number[] = [];
    let page = await world.read(`/runs/${loud}/log?after=0`);
    for (;;) {
      kept.push(...numbersOf(page));
      const next = /href="([^"]*after=\d+)"/.exec(page)?.[1];
      if (next === undefined) break;
      page = await world.read(next.replaceAll('&amp;', '&'));
    }
    const { logLinesLeftOut = 0 } = await findRun();
    assert.equal(kept.length - 1, total - logLinesLeftOut);
    const back: number[] = [];
    page = await world.read(`/runs/${loud}`);
    for (;;) {
      back.unshift(...numbersOf(page));
      const earlier = /href="([^"]*before=\d+)"/.exec(page)?.[1];
      if (earlier === undefined) break;
      page = await world.read(earlier.replaceAll('&amp;', '&'));
    }
    assert.deepEqual(back, kept);
  });

  it('leads through all lines that fit a filter, and says that the first of them are not all', async () => {
    const found: number[] = [];
    let page = await world.read(`/runs/${loud}?q=short`);
    assert.match(page, /500.matches shown, there are more/);
    for (;;) {
      found.push(...numbersOf(page));
      const next = /href="([^"]*after=\d+)"/.exec(page)?.[1];
      if (next === undefined) break;
      page = await world.read(next.replaceAll('&amp;', '&'));
    }
    assert.deepEqual(
      found,
      Array.from({ length: 1000 }, (_, at) => at + 1),
    );
    const back = await world.read((/href="([^"]*before=501)"/.exec(page)?.[1] ?? assert.fail()).replaceAll('&amp;', '&'));
    assert.deepEqual([numbersOf(back).length, numbersOf(back).at(-1)], [500, 500]);
    assert.match(await world.read(`/runs/${loud}/log?level=error`), /1.match · 1.error among the lines shown/);
    assert.match(await world.read(`/runs/${loud}`), /1.warning and 1.error among the lines shown/);
  });

  it('tells the same in its files and through the API', async () => {
    const { logLinesLeftOut = 0 } = await findRun();
    const text = await download('');
    assert.match(text, new RegExp(`warn  … ${logLinesLeftOut} lines left out`));
    assert.equal(text.trimEnd().split('\n').length, total - logLinesLeftOut + 1);
    assert.match(await download('?format=ndjson'), /"level":"warn","text":"… \d+ lines left out/);
    assert.equal(runShape.parse(toRunShape(await findRun())).logLinesLeftOut, logLinesLeftOut);
  });

  it('is one line that says so when its time is over', async () => {
    for (let step = 0; step < 10; step += 1) await world.context.store.logs.removeOldLogs(90, NOW + 91 * DAY);
    const page = await world.read(`/runs/${loud}`);
    assert.match(page, /removed after 90.days/);
    assert.match(page, /the log of this run was removed after 90 days/);
    assert.doesNotMatch(page, /not kept/);
    assert.match(page, /pg_dump|broke/, 'the run itself stays');
    assert.match(await download(''), /^2027-02-19T09:00:00\.000Z info {2}the log of this run was removed after 90 days\n$/);
    const shown = runShape.parse(toRunShape(await findRun()));
    assert.deepEqual(shown.logRemoval, { at: NOW + 91 * DAY, afterDays: 90 });
  });
});
