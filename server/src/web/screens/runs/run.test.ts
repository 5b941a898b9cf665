import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { createFleet, type Fleet, HOSTILE, playDay } from '../fixtures/fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { RUN_SCREENS } from './run.ts';
import { RUNS_SCREENS } from './runs.ts';

let world: World;
let fleet: Fleet;
let runs: Awaited<ReturnType<typeof playDay>>;

before(async () => {
  world = await createWorld([...RUNS_SCREENS, ...RUN_SCREENS]);
  fleet = await createFleet(world);
  runs = await playDay(fleet, NOW);
});
after(() => world.close());

function headingOf(page: string): string {
  return (/<h1>([\s\S]*?)<\/h1>/.exec(page)?.[1] ?? '').replace(/<[^>]*>/g, '');
}

describe('The page of a run', () => {
  it('says of a clean backup how long it took and that it was read back', async () => {
    const page = await world.read(`/runs/${runs.clean}`);
    assert.equal(headingOf(page), 'Backed up in 1\u00a0m\u00a015\u00a0s, and proven readable.');
    assert.match(page, /by schedule “hourly”/);
    assert.match(page, /4 of 4/);
    assert.equal(page.match(/class="check-line tone-protected"/g)?.length, 4);
    for (const seen of ['pg_dump 0, restic 0', 'at least 1 KiB wanted', 'tags match', '>PGDMP<'])
      assert.ok(page.includes(seen), seen);
    assert.match(page, /Restore this…/);
    assert.match(page, /Dump and store/);
  });

  it('says of a failure what happened, why, and what to do, and leads to where it is mended', async () => {
    const page = await world.read(`/runs/${runs.failed}`);
    assert.match(headingOf(page), /^Failed after 12\u00a0s: the database server refused the user or its password\.$/);
    assert.match(page, /pg_dump: error: .*password authentication failed/);
    assert.match(page, /Check user name and password of the source\./);
    assert.match(page, new RegExp(`href="/sources/${fleet.sources['orders']}"`));
    assert.doesNotMatch(page, /Restore this/);
  });

  it('shows hostile log lines as text', async () => {
    const page = await world.read(`/runs/${runs.failed}`);
    assert.ok(!page.includes(HOSTILE));
    assert.match(page, /&lt;script&gt;alert\(&quot;db&quot;\)/);
  });

  it('counts the clean sources of a mixed run and names the trouble of the other', async () => {
    const page = await world.read(`/runs/${runs.mixed}`);
    assert.match(headingOf(page), /^Backed up 1 of 2\u00a0sources cleanly in 4\u00a0m\.$/);
    assert.match(page, /What went wrong with shop/);
    assert.match(page, /Grant the backup user/);
  });

  it('tells a run that began long after its fire, and for how many older ones it stands', async () => {
    const host = fleet.hosts['git'] ?? assert.fail();
    const sources = [fleet.sources['git'] ?? assert.fail()];
    const hour = 60 * 60_000;
    const fire = { host, sources, plan: fleet.plans.nightly, tookMs: 1000 };
    const waited = await fleet.play({ ...fire, at: NOW - hour, fireAt: NOW - 3 * hour, skipped: 2 });
    const page = await world.read(`/runs/${waited}`);
    assert.match(
      page,
      /by schedule “nightly files” · was due [^·]*, began 2\u00a0h later · stands for 2\u00a0older fires as well/,
    );
    assert.doesNotMatch(await world.read(`/runs/${runs.clean}`), /was due|stands for/);
  });

  it('tells a run that was reported late from one that was seen', async () => {
    assert.match(await world.read(`/runs/${runs.late}`), /ran while the server was away, reported 14\u00a0min later/);
    assert.doesNotMatch(await world.read(`/runs/${runs.clean}`), /ran while the server was away/);
  });

  it('follows a running one live, part by part, each under its own id', async () => {
    const page = await world.read(`/runs/${runs.running}`);
    assert.equal(headingOf(page), 'Backing up for 2\u00a0min.');
    for (const id of ['run-heading', 'run-lede', 'run-actions', 'run-now', 'run-side']) {
      assert.match(page, new RegExp(`id="${id}" data-live="run:${runs.running}" data-live-get="/runs/${runs.running}"`));
      const part = await world.read(`/runs/${runs.running}`, { part: id });
      assert.match(part, new RegExp(`^<(?:span|div)[^>]* id="${id}"`));
    }
    const title = /data-title="([^"]+)"/.exec(await world.read(`/runs/${runs.running}`, { part: 'run-heading' }))?.[1];
    assert.match(title ?? '', /: running$/);
    assert.ok(page.includes(`<title>${title} · Holdfast</title>`), 'the tab is called as the live part says');
    assert.match(page, new RegExp(`id="run-log" data-live-log="run:${runs.running}"`));
    assert.match(page, new RegExp(`data-live-progress="run:${runs.running}"`));
  });

  it('counts the lines of the log in its head, also on the log’s own page, and again as they come', async () => {
    const id = await fleet.play({
      host: fleet.hosts['git'] ?? assert.fail(),
      sources: [fleet.sources['git'] ?? assert.fail()],
      at: NOW,
      tookMs: 1000,
      open: 'running',
      log: [],
    });
    for (const address of [`/runs/${id}`, `/runs/${id}/log`]) {
      const live = `data-live="run:${id}" data-live-get="${address}" data-live-lines="run:${id}"`;
      assert.ok((await world.read(address)).includes(`id="run-log-head" ${live}>0\u00a0lines</span>`), address);
      assert.match(await world.read(address), /aria-label="Filter the log"/);
    }
    const lines = [
      { n: 1, at: NOW, level: 'info' as const, text: 'one' },
      { n: 2, at: NOW, level: 'warn' as const, text: 'two' },
    ];
    await fleet.tell(fleet.hosts['git'] ?? assert.fail(), [{ type: 'run.log', run: id, at: NOW, lines }]);
    for (const address of [`/runs/${id}`, `/runs/${id}/log`]) {
      const part = await world.read(address, { part: 'run-log-head' });
      assert.match(part, /^<span[^>]*>2\u00a0lines · 1\u00a0warning<\/span>$/);
    }
    assert.match(await world.read(`/runs/${runs.clean}`), /id="run-log-head">6\u00a0lines/);
  });

  it('shows at once how far the run has come, as its host told last, here and in the list', async () => {
    const run = await world.context.store.runs.findRun(DEFAULT_TENANT, runs.running);
    if (run === undefined) assert.fail();
    const progress = {
      run: run.id,
      bytes: 71 * 1024 ** 3,
      totalBytes: 100 * 1024 ** 3,
      bytesPerSecond: 1024 ** 3,
      stage: 'dump',
    };
    world.directory.progress.set(run.id, progress);
    const page = await world.read(`/runs/${run.id}`);
    assert.equal(headingOf(page), 'Running: 71\u00a0%, 29\u00a0s left.');
    assert.match(page, /<progress max="100" +value="71"/);
    assert.match(page, /71\u00a0% · 71 of 100\u00a0GiB · 1\u00a0GiB\/s · 29\u00a0s left/);
    assert.match(await world.read('/runs'), /class="progress-brief num">71\u00a0%, 29\u00a0s left</);
    world.directory.progress.delete(run.id);
    assert.doesNotMatch(await world.read('/runs'), /progress-brief/);
  });

  it('stops being live when the run has ended', async () => {
    assert.doesNotMatch(await world.read(`/runs/${runs.clean}`), /data-live="run:/);
  });

  it('filters the log by level and by words, and keeps the filter in the form', async () => {
    const page = await world.read(`/runs/${runs.clean}?level=warn&q=circular`);
    assert.match(page, /circular foreign-key/);
    assert.doesNotMatch(page, /end of file released/);
    assert.match(page, /value="circular"/);
    const none = await world.read(`/runs/${runs.clean}?q=nowhere`);
    assert.match(none, /No line fits\./);
  });

  it('gives the whole log as text and as one document a line', async () => {
    for (const [query, pattern] of [
      ['', /^2026-11-20T08:00:00\.412Z info {2}pre-flight/],
      ['?format=ndjson', /^\{"n":1,/],
    ] as const) {
      const reply = await world.ask('get', `/runs/${runs.clean}/log.txt${query}`);
      assert.equal(reply.kind, 'download');
      if (reply.kind !== 'download' || typeof reply.body === 'string') throw new Error('the log is streamed');
      let text = '';
      for await (const piece of reply.body) text += piece;
      assert.match(text, pattern);
      assert.equal(text.trimEnd().split('\n').length, 6);
    }
  });

  it('asks before it cancels, and a viewer is not asked at all', async () => {
    assert.match(await world.read(`/runs/${runs.running}`), /Stop this run\?/);
    assert.doesNotMatch(await world.read(`/runs/${runs.running}`, { role: 'viewer' }), /Stop this run\?/);
  });

  it('orders the host to cancel and comes back to the run', async () => {
    const id = await fleet.play({
      host: fleet.hosts['web-1'] ?? assert.fail(),
      plan: fleet.plans.nightly,
      sources: [fleet.sources['www'] ?? assert.fail()],
      at: NOW,
      tookMs: 1000,
      open: 'running',
    });
    world.directory.online.add(fleet.hosts['web-1'] ?? assert.fail());
    const reply = await world.ask('post', `/runs/${id}/cancel`);
    assert.deepEqual(reply.kind === 'redirect' && [reply.to, reply.flash?.tone], [`/runs/${id}`, 'good']);
    const again = await world.ask('post', `/runs/${id}/cancel`);
    assert.match((again.kind === 'redirect' && again.flash?.text) || '', /^The host was asked to stop this run; .* seconds\.$/);
    const orders = await world.context.store.orders.listWaitingOrders(fleet.hosts['web-1'] ?? assert.fail(), NOW);
    assert.deepEqual(
      orders.map((order) => [order.type, order.run]),
      [['run.cancel', id]],
    );
    assert.match(await world.read(`/runs/${id}`), /by schedule[^<]* · ada asked for its end/);
    await fleet.tell(fleet.hosts['web-1'] ?? assert.fail(), [
      {
        type: 'run.finished',
        run: id,
        at: NOW + 2000,
        state: 'cancelled',
        evidence: [],
        bytes: 0,
        logLines: 0,
        durationMs: 2000,
      },
    ]);
    assert.match(await world.read(`/runs/${id}`), /by schedule[^<]* · cancelled by ada/);
    assert.doesNotMatch(await world.read(`/runs/${runs.clean}`), /cancelled by/);
  });

  it('promises of a silent host only that it stops when it is back, and lets the order wait as long', async () => {
    const host = fleet.hosts['web-1'] ?? assert.fail();
    const sources = [fleet.sources['www'] ?? assert.fail()];
    const id = await fleet.play({ host, plan: fleet.plans.nightly, sources, at: NOW, tookMs: 1000, open: 'running' });
    world.directory.online.delete(host);
    try {
      assert.match(await world.read(`/runs/${id}`), /The host is offline; as soon as it is back, it stops/);
      const reply = await world.ask('post', `/runs/${id}/cancel`);
      assert.match((reply.kind === 'redirect' && reply.flash?.text) || '', /^The host is offline\. It stops this run as soon as/);
      assert.match(await world.read(`/runs/${id}`), /ada asked for its end, which its host hears when it is back/);
      const monthMs = 30 * 86_400_000;
      await world.context.store.orders.expireOrders(NOW + monthMs);
      const waiting = await world.context.store.orders.listWaitingOrders(host, NOW + monthMs);
      assert.deepEqual(
        waiting.filter(({ run }) => run === id).map(({ type }) => type),
        ['run.cancel'],
      );
    } finally {
      world.directory.online.add(host);
    }
  });

  it('has no page for an id that is none', async () => {
    await assert.rejects(world.ask('get', '/runs/..%2f..'), { code: 'not_found' });
    await assert.rejects(world.ask('get', '/runs/run_0000000000000000'), { code: 'not_found' });
  });
});

describe('The list of runs', () => {
  it('answers how the last day went', async () => {
    const page = await world.read('/runs');
    assert.match(headingOf(page), /^\d+ of \d+ runs in the last 24 hours were clean\.$/);
    assert.match(page, /1 failed · 2 partial/);
    assert.ok(!page.includes(HOSTILE));
  });

  it('shows fifty at once and pages on without losing the filter', async () => {
    const page = await world.read('/runs?kind=backup');
    const next = /rel="next" href="([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&');
    if (next !== undefined) {
      assert.match(next, /kind=backup&after=/);
      assert.doesNotMatch(await world.read(next), /data-live="runs"/);
    }
    assert.match(page, /id="runs" data-live="runs" data-live-get="\/runs\?kind=backup"/);
  });

  it('filters by state, host and plan', async () => {
    const failed = await world.read('/runs?state=failed', { part: 'runs' });
    assert.equal([...failed.matchAll(/<tr role="row" data-row/g)].length, 1);
    assert.match(failed, /^<div class="table-wrap" +id="runs"/);
    const mail = await world.read(`/runs?host=${fleet.hosts['mail']}`, { part: 'runs' });
    assert.equal([...mail.matchAll(/<tr role="row" data-row/g)].length, 1);
    const none = await world.read(`/runs?host=${fleet.hosts['mail']}&state=failed`);
    assert.match(none, /No run fits these filters/);
  });

  it('leaves out what does not read as a filter', async () => {
    assert.equal((await world.ask('get', `/runs?state=nonsense&host=${encodeURIComponent(HOSTILE)}`)).kind, 'page');
  });
});
