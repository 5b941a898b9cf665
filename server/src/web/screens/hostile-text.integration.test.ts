import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT, type RunId } from '@holdfast/shared/domain/ids.ts';
import * as calendar from '../../fires/fires.ts';
import { CHANNEL_KINDS } from '../../notify/all.ts';
import { sampleAlert } from '../../store/contract/alerts.ts';
import { sampleAudit } from '../../store/contract/samples.ts';
import { html } from '../html.ts';
import { ALERT_SCREENS } from './alerts/alerts.ts';
import { AUDIT_SCREENS } from './audit/audit.ts';
import { HOSTILE_STRINGS, showText } from './fixtures/hostile-strings.ts';
import { readShape, type Shape } from './fixtures/markup-shape.ts';
import { addHost, addPlan, addRepository, addRun, addSource, announce, describeMachine } from './fixtures/setup-fleet.ts';
import { createWorld, NOW, type World } from './fixtures/world.ts';
import { HOST_SCREENS } from './hosts/hosts.ts';
import { createPlanScreens } from './plans/plans.ts';
import { REPOSITORY_SCREENS } from './repositories/repositories.ts';
import { RUN_SCREENS } from './runs/run.ts';
import { RUNS_SCREENS } from './runs/runs.ts';
import { NAVIGATION_SCREENS } from './shell.ts';
import { SOURCE_SCREENS } from './sources/sources.ts';

/** More than one page of each list, so that the harmless world has every element that the hostile one has. */
const HARMLESS = Array.from({ length: 60 }, (_, index) => `name of a thing #${index}`);
/** What is left out of a choice that would be too long is said in it. */
const OF_MANY = ['option[value disabled]'] as const;
const LISTS = ['/hosts', '/sources', '/plans', '/repositories', '/runs', '/alerts', '/audit'] as const;

/** A run that goes on, with a line for each of them. */
async function addLog(world: World, texts: readonly string[]): Promise<RunId> {
  const { store, createId } = world.context;
  const host = await addHost(world, { name: 'loud' });
  const source = await addSource(world, { host: host.id, name: 'loud' });
  const repository = await addRepository(world, { name: 'loud' });
  const run = createId('run');
  const lines = texts.map((text, index) => ({ n: index + 1, at: NOW, level: 'error' as const, text }));
  const from = { kind: 'backup' as const, trigger: 'schedule' as const, repository: repository.id, sources: [source.id] };
  const events = [
    { type: 'run.created' as const, run, at: NOW, ...from },
    { type: 'run.started' as const, run, at: NOW },
    { type: 'run.log' as const, run, at: NOW, lines },
  ];
  const told = events.map((event, index) => ({ seq: index + 1, event }));
  await store.events.applyEvents(DEFAULT_TENANT, host.id, 'outbox-epoch-1', told, NOW);
  return run;
}

/** A fleet in which everything that somebody outside may name is called by one of these. */
async function openWorld(texts: readonly string[]): Promise<{ world: World; run: RunId }> {
  const world = await createWorld([
    ...NAVIGATION_SCREENS,
    ...HOST_SCREENS,
    ...SOURCE_SCREENS,
    ...createPlanScreens(calendar, CHANNEL_KINDS),
    ...REPOSITORY_SCREENS,
    ...RUN_SCREENS,
    ...RUNS_SCREENS,
    ...ALERT_SCREENS,
    ...AUDIT_SCREENS,
  ]);
  const { store, createId, crypto } = world.context;
  const pattern = await addHost(world, { name: 'pattern' });
  for (const [index, text] of texts.entries()) {
    const facts = describeMachine({ hostname: text, os: text, kernel: text });
    const signingKey = Buffer.from(crypto.randomBytes(32)).toString('base64url');
    const host = { ...pattern, id: createId('host'), name: text, tags: [text], facts, signingKey };
    await store.hosts.insertHost(host);
    const source = await addSource(world, { host: host.id, name: text });
    const config = { endpoint: 'https://s3.example.test', bucket: text, prefix: text, region: text };
    const repository = await addRepository(world, { name: text, config });
    const plan = await addPlan(world, { name: text, repository: repository.id, sources: [source.id] });
    const made = { host: host.id, plan: plan.id, repository: repository.id, source: source.id, at: NOW - 3_600_000 - index };
    await addRun(world, { ...made, state: 'failed', message: text });
    const alert = sampleAlert({ tenant: DEFAULT_TENANT, thingName: text, title: text, text, named: [text] });
    await store.alerts.applyStep({ alert, isNew: true, deliveries: [], at: NOW });
    const actor = { kind: 'user' as const, id: `user_${index}`, name: text };
    const target = { kind: 'host', id: host.id, name: text };
    await store.trail.appendAudit(sampleAudit({ tenant: DEFAULT_TENANT, actor, target, change: { name: text } }));
  }
  for (const text of texts.slice(0, 20)) await announce(world, text, NOW, { os: text, kernel: text });
  return { world, run: await addLog(world, texts) };
}

/** All pages of a list. */
async function readPages(world: World, address: string): Promise<readonly Shape[]> {
  const shapes: Shape[] = [];
  for (let next: string | undefined = address; next !== undefined; ) {
    const page: string = await world.read(next);
    shapes.push(readShape(page));
    next = /rel="next" href="([^"]+)"/u.exec(page)?.[1]?.replaceAll('&amp;', '&');
  }
  return shapes;
}

describe('Text from outside, in every name and line that a page shows', () => {
  let hostile: Awaited<ReturnType<typeof openWorld>>;
  /** Elements with their attributes that pages have for harmless names. */
  const expected = new Set<string>(OF_MANY);
  before(async () => {
    hostile = await openWorld(HOSTILE_STRINGS);
    const harmless = await openWorld(HARMLESS);
    for (const list of [...LISTS, `/runs/${harmless.run}/log`])
      for (const { kinds } of await readPages(harmless.world, list)) for (const kind of kinds) expected.add(kind);
    await harmless.world.close();
  });
  after(() => hostile.world.close());

  async function prove(address: string): Promise<void> {
    const pages = await readPages(hostile.world, address);
    const kinds = new Set(pages.flatMap((page) => [...page.kinds]));
    assert.deepEqual(
      [...kinds].filter((kind) => !expected.has(kind)),
      [],
      'elements and attributes that no harmless name makes',
    );
    for (const to of pages.flatMap(({ addresses }) => addresses)) assert.match(to, /^(?:\/(?!\/)|[#?]|$)/u);
    const text = pages.map((page) => page.text).join('\n');
    const unseen = HOSTILE_STRINGS.filter((string) => !text.includes(showText(string)));
    assert.deepEqual(unseen, [], 'strings that are not shown as text');
  }

  it('is more than five hundred strings, each another', () => {
    assert.ok(new Set(HOSTILE_STRINGS).size === HOSTILE_STRINGS.length && HOSTILE_STRINGS.length > 500);
  });

  for (const list of LISTS) it(`is shown as text, makes no element and leads nowhere in ${list}`, () => prove(list));

  it('is shown as text, makes no element and leads nowhere in a log', () => prove(`/runs/${hostile.run}/log`));
});

describe('The reader of shapes', () => {
  const row = (text: string) => `<p id="a">${text}</p>`;
  it('reads what our own markup holds', () => {
    const { kinds, text, addresses } = readShape(html`<p id="a">${'<b>"\'`&'}</p><a href="/x?a=1&amp;b">to</a><br>`.toString());
    assert.deepEqual([[...kinds], text, addresses], [['p[id]', 'a[href]', 'br[]'], '<b>"\'`&to', ['/x?a=1&b']]);
  });

  it('sees each hostile string that is not escaped', () => {
    const clean = readShape(row('name')).kinds;
    const seen = HOSTILE_STRINGS.filter((text) => {
      try {
        const shape = readShape(row(text));
        return [...shape.kinds].some((kind) => !clean.has(kind));
      } catch {
        return true;
      }
    });
    const harmless = HOSTILE_STRINGS.filter((text) => !seen.includes(text));
    // Without a bracket, a quote or an entity nothing leaves the text of an element.
    assert.deepEqual(
      harmless.filter((text) => /[<>&]/u.test(text)),
      [],
    );
  });
});
