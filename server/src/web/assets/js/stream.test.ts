import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, describe, it, mock } from 'node:test';
import vm from 'node:vm';
import { STREAM } from '@holdfast/shared/limits.ts';

const SCRIPT = readFileSync(new URL('./stream.js', import.meta.url), 'utf8');

type Listener = (event: { data: string; lastEventId: string }) => void;
type Message = { kind: string; topic?: string; text?: string; id?: string };

/** The browser's side of a stream, as far as the script uses it: what was opened, and a hand on what it hears. */
class Source {
  static readonly CLOSED = 2;
  readyState = 1;
  readonly url: URL;
  readonly #listeners = new Map<string, Listener>();
  constructor(address: string) {
    this.url = new URL(address, 'http://127.0.0.1');
  }
  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, listener);
  }
  close(): void {
    this.readyState = Source.CLOSED;
  }
  say(type: string, id = '', body: object = { kind: 'refresh' }): void {
    this.#listeners.get(type)?.({ data: JSON.stringify(body), lastEventId: id });
  }
  topics(): readonly string[] {
    return (this.url.searchParams.get('topics') ?? '').split(',');
  }
  from(): string | null {
    return this.url.searchParams.get('lastEventId');
  }
}

interface Tab {
  heard: Message[];
  want(topics: readonly string[], from: string, again?: boolean): void;
  leave(): void;
}

function openBrowser() {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  const sources: Source[] = [];
  class EventSource extends Source {
    constructor(address: string) {
      super(address);
      sources.push(this);
    }
  }
  const scope: Record<string, unknown> = { EventSource, setTimeout, clearTimeout, Date, encodeURIComponent };
  vm.runInNewContext(SCRIPT, scope);
  const serve = scope['holdfastStream'] as (port: { postMessage(message: object): void; onmessage: unknown }) => void;
  return {
    sources,
    newest: () => sources.at(-1) ?? assert.fail('no stream was opened'),
    openTab(): Tab {
      const heard: Message[] = [];
      const port: { postMessage(message: object): void; onmessage: unknown } = {
        postMessage: (message) => void heard.push({ ...message } as Message),
        onmessage: null,
      };
      serve(port);
      const send = (data: object) => (port.onmessage as (event: { data: object }) => void)({ data });
      return {
        heard,
        want: (topics, from, again = false) => send({ kind: 'want', url: '/api/v1/stream', topics, from, again }),
        leave: () => send({ kind: 'leave' }),
      };
    },
    settle: () => mock.timers.tick(100),
    wait: (ms: number) => mock.timers.tick(ms),
  };
}

afterEach(() => mock.timers.reset());

const openOnes = (sources: readonly Source[]) => sources.filter((source) => source.readyState !== Source.CLOSED);
const told = (tab: Tab) => tab.heard.filter(({ kind }) => kind === 'event').map(({ topic, id }) => `${topic} ${id}`);

describe('The stream that tabs share', () => {
  it('is one for ten tabs, with the topics of all, each told its own', () => {
    const browser = openBrowser();
    const tabs = Array.from({ length: 10 }, (_, n) => {
      const tab = browser.openTab();
      tab.want(['counts', `run:run_${n}`], 'b-7');
      return tab;
    });
    browser.settle();
    assert.equal(openOnes(browser.sources).length, 1);
    assert.deepEqual([browser.newest().topics().length, browser.newest().from()], [11, 'b-7']);
    browser.newest().say('run:run_3', 'b-8');
    browser.newest().say('counts', 'b-9');
    assert.deepEqual(
      tabs.map(told),
      Array.from({ length: 10 }, (_, n) => [...(n === 3 ? ['run:run_3 b-8'] : []), 'counts b-9']),
    );
  });

  it('begins again where the newcomer stands, and tells nobody else twice', () => {
    const browser = openBrowser();
    const [first, second] = [browser.openTab(), browser.openTab()];
    first.want(['hosts'], 'b-1');
    browser.settle();
    for (const n of [2, 3, 4]) browser.newest().say('hosts', `b-${n}`);
    second.want(['hosts'], 'b-2');
    browser.settle();
    assert.equal(browser.newest().from(), 'b-2');
    for (const n of [3, 4, 5]) browser.newest().say('hosts', `b-${n}`);
    assert.deepEqual(told(first), ['hosts b-2', 'hosts b-3', 'hosts b-4', 'hosts b-5']);
    assert.deepEqual(told(second), ['hosts b-3', 'hosts b-4', 'hosts b-5']);
    assert.equal(openOnes(browser.sources).length, 1);
  });

  it('stays open for who knows as much as it has told, and tells them only what is newer', () => {
    const browser = openBrowser();
    const [first, second] = [browser.openTab(), browser.openTab()];
    first.want(['hosts', 'counts'], 'b-1');
    browser.settle();
    second.want(['counts'], 'b-3');
    browser.settle();
    assert.equal(browser.sources.length, 1);
    for (const n of [2, 3, 4]) browser.newest().say('counts', `b-${n}`);
    assert.deepEqual(told(second), ['counts b-4']);
  });

  it('takes quiet tabs along: by their place the others do not start far back', () => {
    const browser = openBrowser();
    const [quiet, other] = [browser.openTab(), browser.openTab()];
    quiet.want(['hosts'], 'b-1');
    browser.settle();
    browser.newest().say('position', 'b-5000', { kind: 'position' });
    other.want(['plans'], 'b-5001');
    browser.settle();
    assert.equal(browser.newest().from(), 'b-5000');
  });

  it('lets pages from before and after a restart of the server all be looked at again', () => {
    const browser = openBrowser();
    const [old, young] = [browser.openTab(), browser.openTab()];
    old.want(['hosts'], 'b-9');
    browser.settle();
    young.want(['hosts'], 'c-1');
    browser.settle();
    assert.equal(browser.newest().from(), '0-0');
    browser.newest().say('hosts', 'c-1', { kind: 'refresh', gap: true });
    assert.deepEqual([told(old), told(young)], [['hosts c-1'], ['hosts c-1']]);
  });

  it('drops the topics of a tab that left, closes after the last, and forgets one that fell silent', () => {
    const browser = openBrowser();
    const [first, second, third] = [browser.openTab(), browser.openTab(), browser.openTab()];
    first.want(['hosts'], 'b-1');
    second.want(['plans'], 'b-1');
    third.want(['runs'], 'b-1');
    browser.settle();
    second.leave();
    browser.wait(11_000);
    assert.deepEqual(browser.newest().topics(), ['hosts', 'runs']);
    for (let minute = 0; minute < 3; minute += 1) {
      browser.wait(60_000);
      first.want(['hosts'], 'b-1');
    }
    browser.wait(11_000);
    assert.deepEqual(browser.newest().topics(), ['hosts'], 'the third said nothing for two minutes');
    first.leave();
    assert.deepEqual(openOnes(browser.sources), []);
  });

  it('asks for no more topics than the server takes; who waits the longest looks anew when there is room', () => {
    const browser = openBrowser();
    const [first, second] = [browser.openTab(), browser.openTab()];
    const many = Array.from({ length: STREAM.topics }, (_, n) => `run:run_${n}`);
    first.want(['hosts'], 'b-1');
    browser.settle();
    second.want(many, 'b-1');
    browser.settle();
    assert.deepEqual(new Set(browser.newest().topics()), new Set(many));
    second.leave();
    browser.wait(11_000);
    assert.deepEqual(browser.newest().topics(), ['hosts']);
    browser.newest().say('open');
    assert.deepEqual(first.heard.at(-1), { kind: 'look' });
  });

  it('says when it is cut off and when it is back, and tries again after a refusal', () => {
    const browser = openBrowser();
    const tab = browser.openTab();
    tab.want(['hosts'], 'b-1');
    browser.settle();
    const refused = browser.newest();
    refused.readyState = Source.CLOSED;
    refused.say('error');
    browser.wait(2500);
    assert.notEqual(browser.newest(), refused);
    browser.newest().say('open');
    assert.deepEqual(
      tab.heard.map(({ kind }) => kind),
      ['dropped', 'open'],
    );
  });

  it('is not asked to go back for a tab that was away and looks at everything itself', () => {
    const browser = openBrowser();
    const [first, second] = [browser.openTab(), browser.openTab()];
    first.want(['hosts'], 'b-1');
    second.want(['hosts'], 'b-1');
    browser.settle();
    second.leave();
    browser.newest().say('hosts', 'b-90');
    second.want(['hosts'], 'b-1', true);
    browser.settle();
    browser.newest().say('hosts', 'b-91');
    assert.equal(browser.sources.length, 1);
    assert.deepEqual(told(second), ['hosts b-91']);
  });
});
