import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, it, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DEFAULT_TENANT, type RunId } from '@holdfast/shared/domain/ids.ts';
import { waitUntil, waitWithin } from '@holdfast/shared/fixtures/wait-for.ts';
import { HTTP, LIVE, STREAM } from '@holdfast/shared/limits.ts';
import { buildShell } from '../screens/shell.ts';
import { layout } from '../ui/layout.ts';
import { OWN_PAGE, type ServedApp, serveApp } from './fixtures/served-app.ts';
import { createLiveFeed } from './live-feed.ts';
import type { ScreenRoute } from './route.ts';
import { createStreams } from './stream.ts';

const RUN = 'run_1' as RunId;
let served: ServedApp;
let session: string;

beforeEach(async () => {
  served = await serveApp();
  await served.addUser('ada', 'viewer');
  session = await served.signIn('ada');
});
afterEach(() => served.close());

const refresh = (topic: string) => served.context.bus.publish(DEFAULT_TENANT, { kind: 'refresh', topic });
const log = (n: number, text: string) =>
  served.context.bus.publish(DEFAULT_TENANT, {
    kind: 'log',
    topic: 'run:run_1',
    run: RUN,
    lines: [{ n, at: 5, level: 'warn', text }],
  });

interface StreamEvent {
  id: string;
  topic: string;
  message: { kind: string; lines?: { n: number; text: string }[] };
}

const EVENT_MS = 15_000;

/** Reads events one by one, as a browser does. */
class EventReader {
  readonly #incoming: IncomingMessage;
  readonly #iterator: AsyncIterator<Buffer>;
  #text = '';
  constructor(incoming: IncomingMessage) {
    this.#incoming = incoming;
    this.#iterator = incoming[Symbol.asyncIterator]();
  }
  /** The next event; undefined when the stream has ended. Signs of life alone are none, however long they come. */
  next(): Promise<StreamEvent | undefined> {
    return waitWithin('an event', this.#find(), EVENT_MS);
  }
  async #find(): Promise<StreamEvent | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end >= 0) {
        const block = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        const found = /^id: (.*)\nevent: (.*)\ndata: (.*)$/s.exec(block);
        // How far it knows is told at each sign of life, whatever else is told.
        if (found?.[2] === 'position') continue;
        if (found) return { id: found[1] ?? '', topic: found[2] ?? '', message: JSON.parse(found[3] ?? '') };
        continue;
      }
      const { value, done } = await this.#iterator.next();
      if (done === true) return undefined;
      this.#text += value.toString('utf8');
    }
  }
  close(): void {
    this.#incoming.destroy();
  }
}

async function watch(query: string, headers: Record<string, string> = {}): Promise<EventReader> {
  const incoming = await served.open(`/api/v1/stream?${query}`, { session, headers: { ...OWN_PAGE, ...headers } });
  assert.equal(incoming.statusCode, 200);
  assert.match(String(incoming.headers['content-type']), /^text\/event-stream/);
  assert.equal(incoming.headers['cache-control'], 'no-store');
  return new EventReader(incoming);
}

describe('The event stream', () => {
  it('tells what the page’s script expects: the topic as the event’s name, the kind in its data', async () => {
    const reader = await watch('topics=hosts,run:run_1');
    refresh('hosts');
    const first = await reader.next();
    assert.deepEqual([first?.topic, first?.message], ['hosts', { kind: 'refresh' }]);
    log(1, '<b>\n\u2028');
    const second = await reader.next();
    assert.deepEqual(second?.message, { kind: 'log', lines: [{ n: 1, at: 5, level: 'warn', text: '<b>\n\u2028' }] });
    reader.close();
  });

  it('goes on without a gap after a break, by header or by query, the header first', async () => {
    const reader = await watch('topics=run:run_1');
    log(1, 'one');
    const { id } = (await reader.next()) ?? { id: '' };
    reader.close();
    log(2, 'two');
    log(3, 'three');
    for (const again of [
      await watch(`topics=run:run_1&lastEventId=${id}`),
      await watch('topics=run:run_1&lastEventId=stale', { 'last-event-id': id }),
    ]) {
      assert.equal((await again.next())?.message.lines?.[0]?.n, 2);
      assert.equal((await again.next())?.message.lines?.[0]?.n, 3);
      again.close();
    }
  });

  it('asks every topic to be looked at again after a restart of the server', async () => {
    const reader = await watch('topics=hosts,plans&lastEventId=0123456789abcdef-7');
    const topics = [(await reader.next())?.topic, (await reader.next())?.topic];
    assert.deepEqual(topics.sort(), ['hosts', 'plans']);
    reader.close();
  });

  it('ends when the person signs out', async () => {
    const reader = await watch('topics=hosts');
    await served.ask('/logout', { method: 'POST', session, headers: OWN_PAGE });
    assert.equal(await reader.next(), undefined);
  });

  it('takes topics of ours only, and not too many', async () => {
    const many = Array.from({ length: STREAM.topics + 1 }, (_, n) => `run:run_${n}`).join(',');
    for (const query of ['', 'topics=', 'topics=a%0Ab', 'topics=<b>', `topics=${many}`, 'topics=hosts&else=1']) {
      const answer = await served.ask(`/api/v1/stream?${query}`, { session });
      assert.equal(answer.status, 400, query);
      assert.equal(answer.json<{ error: { code: string } }>().error.code, 'VALIDATION_ERROR');
    }
    const misspelt = await served.ask('/api/v1/stream?topics=hosts,plan', { session });
    assert.equal(misspelt.status, 400, 'it would stay silent');
    assert.match(
      misspelt.json<{ error: { message: string } }>().error.message,
      /there is no topic "plan"; there are .*run:<id>/u,
    );
    const most = Array.from({ length: STREAM.topics }, (_, n) => `run:run_${n}`).join(',');
    (await watch(`topics=${most}`)).close();
  });

  it('does not begin for HEAD', async () => {
    const head = await served.ask('/api/v1/stream?topics=hosts', { session, method: 'HEAD' });
    assert.deepEqual([head.status, head.text, served.app.countStreams()], [200, '', 0]);
  });

  it('is not for another site’s page', async () => {
    const answer = await served.ask('/api/v1/stream?topics=hosts', { session, headers: { 'sec-fetch-site': 'cross-site' } });
    assert.equal(answer.status, 403);
  });

  it('opens only so often in one session, and again when one was closed', async () => {
    const readers: EventReader[] = [];
    for (let n = 0; n < STREAM.perHolder; n += 1) readers.push(await watch('topics=hosts'));
    assert.equal(served.app.countStreams(), STREAM.perHolder);
    assert.equal((await served.ask('/api/v1/stream?topics=hosts', { session })).status, 429);
    const other = await served.signIn('ada');
    const mine = await served.open('/api/v1/stream?topics=hosts', { session: other });
    assert.equal(mine.statusCode, 200, 'another session has its own');
    mine.destroy();
    for (const reader of readers) reader.close();
  });
});

/** A response that a viewer does not read, as far as the stream sees it. */
async function openSlow(t: TestContext, queueBytes: number) {
  const { createServer, request } = await import('node:http');
  const feed = createLiveFeed(served.context.bus, 'boot1');
  const verdict = { lives: true, looks: 0 };
  const access = {
    caller: { actor: { kind: 'user' as const, id: 'u', name: 'u' }, tenant: DEFAULT_TENANT, role: 'viewer' as const },
    holder: 'sess_1',
    recheck: async () => {
      verdict.looks += 1;
      return verdict.lives;
    },
  };
  const admission = { findPerson: async () => access, admitToApi: async () => access };
  const limits = { queueBytes, keepAliveMs: 20, perHolder: 1, stallMs: STREAM.stallMs };
  const streams = createStreams(feed, admission, served.clock, limits);
  const { default: express } = await import('express');
  const { openScopes } = await import('./request-scope.ts');
  const { createLog } = await import('../../log.ts');
  const app = express().use(openScopes(served.context, createLog({ level: 'error', clock: served.clock })));
  app.get('/', streams.handle);
  const server = createServer(app).listen(0, '127.0.0.1');
  const sockets: Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket));
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const incoming = await new Promise<IncomingMessage>((resolve) => {
    request({ host: '127.0.0.1', port, path: '/?topics=run:run_1,hosts', agent: false }, resolve).end();
  });
  t.after(async () => {
    feed.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    incoming,
    verdict,
    streams,
    /** Tells lines until the system takes no more of them for a viewer that does not read. */
    async fillLine() {
      for (let n = 1, stuck = 0; stuck < 100; n += 1) {
        log(n, 'x'.repeat(100_000));
        await nextTurn();
        stuck = sockets.every(({ writableLength }) => writableLength > 0) ? stuck + 1 : 0;
      }
    },
  };
}

/** A page whose handler lets something happen between reading and answering, and after it. */
async function openPage(happen: () => void): Promise<string> {
  const screen: ScreenRoute = {
    method: 'get',
    path: '/page',
    async handle(context, visit) {
      happen();
      const shell = await buildShell(context, visit, 'runs');
      return { kind: 'page', html: layout(shell, { title: 'Page', heading: 'Page', content: '' }) };
    },
  };
  await served.close();
  served = await serveApp({ screens: [screen] });
  await served.addUser('ada', 'viewer');
  session = await served.signIn('ada');
  const page = await served.ask('/page', { session });
  assert.equal(page.status, 200);
  return /data-live-from="([^"]+)"/.exec(page.text)?.[1] ?? assert.fail('the page carries the id of the stream');
}

describe('A page and its first stream', () => {
  it('leave no gap: lines and refreshes since the page was read are told again', async () => {
    const from = await openPage(() => {
      log(1, 'while the page was read');
      refresh('run:run_1');
    });
    log(2, 'before the stream was open');
    const reader = await watch(`topics=run:run_1&lastEventId=${from}`);
    const told = [];
    for (let n = 0; n < 3; n += 1) told.push((await reader.next())?.message);
    assert.deepEqual(
      told.flatMap((message) => message?.lines?.map(({ text }) => text) ?? []),
      ['while the page was read', 'before the stream was open'],
    );
    assert.equal(told.filter((message) => message?.kind === 'refresh').length, 1);
    log(3, 'live');
    assert.deepEqual((await reader.next())?.message.lines?.[0]?.text, 'live');
    reader.close();
  });

  it('say that there is a gap when the page is older than what is kept', async () => {
    const from = await openPage(() => undefined);
    for (let n = 1; n <= LIVE.keptEvents + 1; n += 1) log(n, 'x');
    const reader = await watch(`topics=run:run_1&lastEventId=${from}`);
    assert.deepEqual((await reader.next())?.message, { kind: 'refresh', gap: true });
    reader.close();
  });
});

describe('A viewer that cannot keep up', () => {
  it('is told to look again instead of being left wrong, and costs no more than its queue', async (t) => {
    const slow = await openSlow(t, HTTP.sseQueueBytes);
    const total = 2000;
    for (let n = 1; n <= total; n += 1) log(n, 'x'.repeat(10_000));
    const reader = new EventReader(slow.incoming);
    let lines = 0;
    for (;;) {
      const event = await reader.next();
      if (event?.message.kind === 'refresh') {
        assert.equal(event.topic, 'run:run_1');
        break;
      }
      lines += 1;
    }
    assert.ok(lines > 0 && lines < total, `${lines} of ${total} came before the word that some are missing`);
    log(total + 1, 'after');
    const next = await reader.next();
    assert.deepEqual(
      next?.message.lines?.map((line) => line.text),
      ['after'],
    );
  });

  it('is ended once it took nothing for its limit, and not before; its place is free', async (t) => {
    const slow = await openSlow(t, HTTP.sseQueueBytes);
    slow.incoming.on('error', () => undefined);
    await slow.fillLine();
    served.clock.advance(STREAM.stallMs - 1);
    const looks = slow.verdict.looks;
    await waitUntil('two looks at it', () => slow.verdict.looks > looks + 1);
    assert.equal(slow.streams.count(), 1);
    served.clock.advance(1);
    await waitUntil('its end', () => slow.streams.count() === 0, { deadlineMs: 10_000 });
  });

  it('is left alone when it took something meanwhile, and when nothing waits for it', async (t) => {
    const slow = await openSlow(t, HTTP.sseQueueBytes);
    await slow.fillLine();
    served.clock.advance(STREAM.stallMs - 1);
    const reader = new EventReader(slow.incoming);
    while ((await reader.next())?.message.kind !== 'refresh');
    for (let n = 0; n < 2; n += 1) {
      const looks = slow.verdict.looks;
      await waitUntil('two looks at it', () => slow.verdict.looks > looks + 1);
      assert.equal(slow.streams.count(), 1);
      served.clock.advance(STREAM.stallMs);
    }
    reader.close();
  });

  it('ends at the next sign of life when its right to be there has ended', async (t) => {
    const slow = await openSlow(t, HTTP.sseQueueBytes);
    const chunks: string[] = [];
    slow.incoming.on('data', (chunk: Buffer) => {
      chunks.push(chunk.toString());
      if (chunks.join('').includes(': keep-alive')) slow.verdict.lives = false;
    });
    await once(slow.incoming, 'end');
    assert.match(chunks.join(''), /: keep-alive/);
  });
});
