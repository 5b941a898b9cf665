import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { DEFAULT_TENANT, type RunId } from '@holdfast/shared/domain/ids.ts';
import type { TerminalState } from '@holdfast/shared/domain/run.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { acknowledgeAlert } from '../core/alerts/alerts.ts';
import { createChannel, deleteChannel } from '../core/alerts/channels.ts';
import { findDigestDue, updateDigestSettings } from '../core/alerts/digest-settings.ts';
import { messageSchema } from '../core/alerts/message.ts';
import { saveRules } from '../core/alerts/rule-settings.ts';
import { EVERY_ALERT, findConcern, groupAct, type Subscription, wantsAlert } from '../core/alerts/subscription.ts';
import { recordAct } from '../core/audit.ts';
import type { AuditAction } from '../core/audit-actions.ts';
import { TOPICS } from '../core/bus.ts';
import { applyHostEvents } from '../core/ingest.ts';
import type { Alert } from '../store/alerts.ts';
import type { Host } from '../store/hosts.ts';
import {
  addHost,
  addPlan,
  addRepository,
  addRun,
  addSource,
  DAY_MS,
  HOUR_MS,
  type RunWish,
} from '../web/screens/fixtures/setup-fleet.ts';
import { createCaller, createWorld, NOW, type World } from '../web/screens/fixtures/world.ts';
import { createActTeller } from './act-news.ts';
import { CHANNEL_KINDS } from './all.ts';
import { createDeliverer } from './deliverer.ts';
import { tellDigests } from './digest.ts';
import { type HttpSink, startHttpSink } from './fixtures/http-sink.ts';
import { createGuardedHttp } from './guarded-http.ts';
import { createNewsTeller, type NewsTeller } from './news.ts';
import { describeMessage } from './words.ts';

const ALL_RUNS: Partial<Subscription> = { least: 'none', runs: ['succeeded', 'partial', 'failed'] };

let world: World;
let teller: NewsTeller;
let host: Host;
let about: Omit<RunWish, 'at'>;
let other: Omit<RunWish, 'at'>;
let count = 0;

const open = () =>
  createNewsTeller({
    context: world.context,
    kinds: CHANNEL_KINDS,
    linkRun: ({ id }) => `https://backup.example.test/runs/${id}`,
    linkAlert: ({ id }) => `https://backup.example.test/alerts/${id}`,
  });

async function addChannel(change: Partial<Subscription>, kind = 'webhook') {
  count += 1;
  const secrets = kind === 'pagerduty' ? { routingKey: 'k'.repeat(32) } : { url: 'https://hooks.example.com/x' };
  const input = { name: `channel ${count}`, kind, config: {}, secrets, subscription: { ...EVERY_ALERT, ...change } };
  return createChannel(world.context, createCaller(), CHANNEL_KINDS, input);
}

/** What a channel is to be told, oldest first. */
async function listTold(channel: Awaited<ReturnType<typeof addChannel>>) {
  const { rows } = await world.context.store.channels.listDeliveries(DEFAULT_TENANT, { channel: channel.id }, { limit: 50 });
  return rows.map(({ body }) => messageSchema.parse(JSON.parse(body))).toReversed();
}
const typesOf = async (channel: Awaited<ReturnType<typeof addChannel>>) => (await listTold(channel)).map(({ type }) => type);
const publish = (run: RunId) => world.context.bus.publish(DEFAULT_TENANT, { kind: 'refresh', topic: TOPICS.run(run) });

async function endRun(wish: Omit<RunWish, 'at'>, state: TerminalState): Promise<RunId> {
  world.clock.advance(1000);
  const run = await addRun(world, { ...wish, at: world.clock.now(), state });
  publish(run);
  publish(run);
  await teller.runRound();
  return run;
}

before(async () => {
  world = await createWorld([]);
  host = await addHost(world, { name: 'db-1', tags: ['shop'] });
  const away = await addHost(world, { name: 'web-1' });
  const repository = await addRepository(world);
  const source = await addSource(world, { host: host.id, name: 'orders' });
  const files = await addSource(world, { host: away.id, name: 'files' });
  const plan = await addPlan(world, { name: 'nightly', repository: repository.id, sources: [source.id] });
  const weekly = await addPlan(world, { name: 'weekly', repository: repository.id, sources: [files.id], cron: null });
  about = { host: host.id, plan: plan.id, repository: repository.id, source: source.id };
  other = { host: away.id, plan: weekly.id, repository: repository.id, source: files.id };
  teller = open();
  await teller.runRound();
});
after(async () => {
  teller.close();
  await world.close();
});

describe('News of backups', () => {
  it('reach the channels that want such an end, of such a plan, on a host with such a tag, each once', async () => {
    const [all, bad, mine, tagged, none] = [
      await addChannel(ALL_RUNS),
      await addChannel({ runs: ['failed'] }),
      await addChannel({ ...ALL_RUNS, plans: [about.plan] }),
      await addChannel({ ...ALL_RUNS, tags: ['shop'] }),
      await addChannel({}),
    ];
    await endRun(about, 'succeeded');
    await endRun(other, 'partial');
    const failed = await endRun(about, 'failed');
    const seen = await Promise.all([all, bad, mine, tagged, none].map(typesOf));
    assert.deepEqual(seen, [
      ['run.succeeded', 'run.partial', 'run.failed'],
      ['run.failed'],
      ['run.succeeded', 'run.failed'],
      ['run.succeeded', 'run.failed'],
      [],
    ]);
    const { run, link } = (await listTold(bad))[0] ?? assert.fail();
    assert.equal(link, `https://backup.example.test/runs/${failed}`);
    assert.deepEqual(run?.sources, [{ name: 'orders', kind: 'postgres' }]);
    assert.deepEqual([run?.plan.name, run?.host, run?.repository], ['nightly', 'db-1', 's3-eu']);
    assert.ok(((await listTold(all))[0]?.run?.bytes ?? 0) > 0);
    assert.match(run?.failure ?? '', /password authentication failed/u);
  });

  it('that came while this server was away are told after it, and nothing is told twice', async () => {
    world.clock.advance(2 * 60_000);
    const channel = await addChannel(ALL_RUNS);
    const monitor = await addChannel({}, 'healthchecks');
    const run = await endRun(about, 'succeeded');
    teller.close();
    world.clock.advance(1000);
    const missed = await addRun(world, { ...about, at: world.clock.now(), state: 'failed' });
    assert.notEqual(missed, run);
    teller = open();
    for (let round = 0; round < 3; round += 1) await teller.runRound();
    assert.deepEqual(await typesOf(channel), ['run.succeeded', 'run.failed']);
    assert.deepEqual(await typesOf(monitor), ['run.succeeded', 'run.failed']);
  });
});

/** Reports a restore or a drill that is over, in an epoch of its own. */
async function endRestore(state: TerminalState, kind: 'restore' | 'drill' = 'restore'): Promise<RunId> {
  const { context, clock } = world;
  clock.advance(1000);
  const at = clock.now();
  const run = context.createId('run');
  const target = { kind: 'database', source: about.source, database: 'orders_copy' } as const;
  const failure = { code: 'tool_failed', reason: 'target_refused', message: 'password=hunter2 was refused' } as const;
  const { repository, source } = about;
  const ordered = { kind, trigger: 'manual' as const, repository, sources: [source], requestedBy: 'ada' };
  const events: DurableEvent[] = [
    { type: 'run.created', run, at, ...ordered, ...(kind === 'restore' ? { target } : {}) },
    { type: 'run.started', run, at },
    { type: 'run.finished', run, at, state, failure, evidence: [], bytes: 2048, logLines: 0, durationMs: 41_000 },
  ];
  const numbered = events.map((event, index) => ({ seq: index + 1, event }));
  await applyHostEvents(context, { id: about.host, tenant: DEFAULT_TENANT }, `epoch of ${run}`, numbered);
  return run;
}

describe('News of restores', () => {
  it('say how each ended, to the channels that hear of restores, each once, also after an absence; drills tell of themselves', async () => {
    const [guard, elsewhere, quiet] = [
      await addChannel({ acts: ['restores'] }),
      await addChannel({ acts: ['restores'], plans: [other.plan] }),
      await addChannel({ acts: ['people'] }),
    ];
    const done = await endRestore('succeeded');
    await endRestore('succeeded', 'drill');
    await teller.runRound();
    teller.close();
    await endRestore('failed');
    teller = open();
    for (let round = 0; round < 2; round += 1) await teller.runRound();
    const told = await listTold(guard);
    assert.deepEqual(
      told.map(({ type, text, act }) => [type, act?.action, text]),
      [
        ['act.done', 'restore.ended', 'Restore of orders into the database orders_copy on db-1 succeeded'],
        ['act.done', 'restore.ended', 'Restore of orders into the database orders_copy on db-1 failed'],
      ],
    );
    const [first, second] = told.map(({ act }) => act);
    assert.deepEqual([first?.actor, first?.target, told[0]?.link], ['ada', 'orders', `https://backup.example.test/runs/${done}`]);
    assert.deepEqual(first?.restore, {
      run: done,
      state: 'succeeded',
      host: 'db-1',
      into: 'into the database orders_copy',
      bytes: 2048,
      durationMs: 41_000,
    });
    assert.match(second?.restore?.failure ?? '', /was refused/u);
    assert.doesNotMatch(JSON.stringify(told), /hunter2/u);
    const words = told.map(describeMessage);
    assert.deepEqual(
      words.map(({ tone, facts }) => [tone, facts.map(({ label }) => label)]),
      [
        ['good', ['Host', 'Size', 'Took', 'Asked for by', 'Ended']],
        ['critical', ['Why', 'Host', 'Size', 'Took', 'Asked for by', 'Ended']],
      ],
    );
    assert.equal((await listTold(elsewhere)).length, 2, 'acts are told whatever plans are chosen');
    assert.deepEqual(await listTold(quiet), []);
  });
});

describe('What an alert is about', () => {
  it('decides whether a channel for some plans or tags is told; what concerns everybody is told to all', async () => {
    const ask = async (kind: Alert['thing']['kind'], id: string, change: Partial<Subscription>) => {
      const alert = { tenant: DEFAULT_TENANT, thing: { kind, id }, condition: 'backup.failed', severity: 'critical' } as const;
      return wantsAlert({ ...EVERY_ALERT, ...change }, alert, await findConcern(world.context, alert));
    };
    const things = [
      ['source', about.source],
      ['plan', about.plan],
      ['host', about.host],
      ['repository', about.repository],
    ] as const;
    for (const [kind, id] of things) {
      const wishes = [
        { plans: [about.plan] },
        { tags: ['shop'] },
        {},
        { tags: ['elsewhere'] },
        { least: 'none' as const },
        { conditions: ['host.silent' as const] },
      ];
      const told = [];
      for (const wish of wishes) told.push(await ask(kind, id, wish));
      assert.deepEqual(told, [true, true, true, false, false, false], kind);
    }
    assert.equal(await ask('source', other.source, { plans: [about.plan] }), false);
    for (const kind of ['server', 'fleet', 'channel'] as const)
      assert.equal(await ask(kind, '', { tags: ['elsewhere'] }), true, kind);
  });
});

describe('An alert that somebody takes', () => {
  async function raiseAlert(): Promise<Alert> {
    const alert: Alert = {
      ...{ id: world.context.createId('alert'), tenant: DEFAULT_TENANT, condition: 'host.silent', severity: 'critical' },
      ...{ thing: { kind: 'host', id: host.id }, thingName: 'db-1', title: 'db-1 is silent', text: 'for 3 minutes' },
      ...{ members: 1, named: ['db-1'], since: NOW, raisedAt: world.clock.now(), settledAt: NOW, flaps: 0, version: 1 },
    };
    await world.context.store.alerts.applyStep({ alert, isNew: true, deliveries: [], at: NOW });
    return alert;
  }

  async function takeAlert({ id }: Alert): Promise<void> {
    await acknowledgeAlert(world.context, createCaller(), id);
    for (let round = 0; round < 2; round += 1) await teller.runRound();
  }

  it('is acknowledged where a channel keeps a standing of its own, once', async () => {
    const [pager, plain] = [await addChannel({}, 'pagerduty'), await addChannel({})];
    const alert = await raiseAlert();
    await takeAlert(alert);
    assert.deepEqual(await typesOf(pager), ['alert.acknowledged']);
    assert.equal((await listTold(pager))[0]?.alert?.id, alert.id);
    assert.deepEqual(await typesOf(plain), []);
    const { alerts } = world.context.store;
    const taken = await alerts.findAlert(DEFAULT_TENANT, alert.id);
    assert.ok(taken);
    await alerts.applyStep({ alert: { ...taken, resolvedAt: NOW }, isNew: false, deliveries: [], at: NOW });
  });

  it('is no news for a channel of an escalation that was not told of it', async () => {
    const [next, last] = [await addChannel({}, 'pagerduty'), await addChannel({}, 'pagerduty')];
    const step = { least: 'notice' } as const;
    await saveRules(world.context, createCaller(), {
      escalation: [
        { ...step, afterMinutes: 15, channel: next.id },
        { ...step, afterMinutes: 30, channel: last.id },
      ],
    });
    const alert = await raiseAlert();
    const event = { at: NOW, kind: 'escalated', text: 'nobody has taken it' } as const;
    await world.context.store.alerts.applyStep({ alert, isNew: false, event, deliveries: [], at: NOW });
    await takeAlert(alert);
    assert.deepEqual([await typesOf(next), await typesOf(last)], [['alert.acknowledged'], []]);
    await saveRules(world.context, createCaller(), { escalation: [] });
  });
});

describe('What people do', () => {
  it('reaches the channels that want to know of such acts, once; many failed attempts to sign in are one message', async () => {
    const { context, clock } = world;
    const tellActs = createActTeller(context, CHANNEL_KINDS, 'https://backup.example.test/audit');
    const done = async (action: AuditAction, name: string) => {
      clock.advance(10);
      await recordAct(context, createCaller(), { action, target: { kind: 'thing', id: `id of ${name}`, name } });
    };
    await done('restore.started', 'before anybody listened');
    await tellActs();
    clock.advance(10);
    const [guard, quiet] = [await addChannel({ acts: ['restores', 'failed_sign_ins'] }), await addChannel({})];
    await done('restore.started', 'shop');
    await done('plan.updated', 'nightly');
    clock.advance(600_000 - (clock.now() % 600_000));
    for (let attempt = 0; attempt < 5; attempt += 1) await done('login.failed', 'eve');
    for (let round = 0; round < 2; round += 1) await tellActs();
    await createActTeller(context, CHANNEL_KINDS, 'https://backup.example.test/audit')();
    const told = (await listTold(guard)).toSorted((a, b) => a.at - b.at);
    assert.deepEqual(
      told.map(({ act }) => [act?.action, act?.target]),
      [
        ['restore.started', 'shop'],
        ['login.failed', 'eve'],
      ],
    );
    assert.equal(told[0]?.act?.actor, createCaller().actor.name);
    assert.deepEqual(await typesOf(quiet), []);
  });

  it('is of one group or none, for every act the audit knows', () => {
    const groups = [
      'user.created',
      'api_key.revoked',
      'host.approved',
      'plan.updated',
      'restore.started',
      'login.failed',
      'login.succeeded',
    ].map(groupAct);
    assert.deepEqual(groups, ['people', 'people', 'hosts', 'setup', 'restores', 'failed_sign_ins', 'sign_ins']);
    const everyday = ['alert.acknowledged', 'plan.run_started', 'repository.check_started', 'repository.lock_cleared'];
    assert.deepEqual(everyday.map(groupAct).filter(Boolean), []);
  });
});

describe('A digest', () => {
  it('is due at its hour in its zone, also over a change of the clocks', () => {
    const berlin = { zone: 'Europe/Berlin', hour: 8, weekday: 1 };
    const find = (period: 'daily' | 'weekly', now: number) =>
      new Date(findDigestDue(world.context, berlin, period, now) ?? 0).toISOString();
    assert.equal(find('daily', Date.UTC(2026, 9, 25, 6, 59)), '2026-10-24T06:00:00.000Z');
    assert.equal(find('daily', Date.UTC(2026, 9, 25, 7)), '2026-10-25T07:00:00.000Z');
    assert.equal(find('weekly', Date.UTC(2026, 10, 20, 9)), '2026-11-16T07:00:00.000Z');
  });

  it('says what is protected and what is not, what grew and what is odd, once for each channel and hour', async () => {
    const { context, clock } = world;
    const channel = await addChannel({ digests: ['daily'] });
    await updateDigestSettings(context, createCaller(), { zone: 'UTC', hour: 8, weekday: 1 });
    await addSource(world, { host: host.id, name: 'lonely' });
    const look = { host: host.id, kind: 'files', place: '', at: clock.now(), seen: [{ name: '/srv/a' }, { name: '/srv/b' }] };
    await context.store.coverage.recordLook(DEFAULT_TENANT, look, () => context.createId('finding'));
    await tellDigests(context, CHANNEL_KINDS);
    assert.deepEqual(await typesOf(channel), [], 'the hour of today was before the channel');
    clock.advance(DAY_MS - HOUR_MS / 2);
    for (const hours of [5, 4, 3]) await addRun(world, { ...about, at: clock.now() - hours * HOUR_MS });
    await addRun(world, { ...about, at: clock.now() - HOUR_MS, state: 'succeeded', bytes: 7_000_000 });
    // However big the fleet: whatever is counted is counted already, and no list is read.
    const { sources, snapshots } = context.store;
    const refuse = () => Promise.reject(new Error('a digest reads no list'));
    const unlisted = { ...sources, listSources: refuse };
    const store = { ...context.store, sources: unlisted, snapshots: { ...snapshots, listSnapshots: refuse } };
    for (let round = 0; round < 2; round += 1) await tellDigests({ ...context, store }, CHANNEL_KINDS);
    const told = await listTold(channel);
    assert.deepEqual(
      told.map(({ type }) => type),
      ['digest.daily'],
    );
    const { digest } = told[0] ?? assert.fail();
    assert.equal(new Date(digest?.to ?? 0).toISOString(), '2026-11-21T08:00:00.000Z');
    assert.equal((digest?.sources.protected ?? 0) + (digest?.worst.length ?? 0), 3);
    assert.ok(digest?.worst.some(({ name }) => name === 'web-1 / files'));
    assert.deepEqual(digest?.runs, { succeeded: 6, partial: 1, failed: 2 });
    const { rows } = await context.store.snapshots.listSnapshots(DEFAULT_TENANT, {}, { limit: 200 });
    const made = rows.filter(({ createdAt }) => createdAt >= (digest?.from ?? 0) && createdAt < (digest?.to ?? 0));
    assert.ok(made.length >= 3);
    const addedBytes = made.reduce((sum, one) => sum + (one.addedBytes ?? one.sizeBytes), 0);
    assert.deepEqual(digest?.growth, [{ name: 's3-eu', snapshots: made.length, addedBytes }]);
    const odd = { name: 'db-1 / orders', text: 'its newest backup is far smaller than those before it' };
    assert.deepEqual(digest?.anomalies, [odd]);
    assert.deepEqual([digest?.sources.withoutPlan, digest?.uncovered], [1, 2], 'what is in no plan, and what is no source');
    clock.advance(13 * HOUR_MS);
    const late = await addChannel({ digests: ['daily'] });
    await tellDigests(context, CHANNEL_KINDS);
    assert.deepEqual(await typesOf(late), []);
    const weekly = await addChannel({ digests: ['weekly'] });
    clock.advance(Date.UTC(2026, 10, 23, 8, 1) - clock.now());
    for (let round = 0; round < 2; round += 1) await tellDigests(context, CHANNEL_KINDS);
    const [week, ...more] = await listTold(weekly);
    assert.deepEqual([week?.type, more.length], ['digest.weekly', 0]);
    assert.equal((week?.digest?.to ?? 0) - (week?.digest?.from ?? 0), 7 * DAY_MS);
    assert.deepEqual(week?.digest?.runs, digest?.runs, 'the runs of the whole week');
  });
});

describe('Sinks of which one is dead, one slow and one ill at first', () => {
  it('each get what is theirs in the end, and the live one is told at once', async () => {
    const { context, clock } = world;
    const sinks: HttpSink[] = [];
    const add = async (answer: HttpSink['answer']) => {
      const sink = await startHttpSink();
      sink.answer = answer;
      sinks.push(sink);
      count += 1;
      const input = {
        name: `sink ${count}`,
        kind: 'slack',
        config: {},
        secrets: { url: `${sink.url}/x` },
        subscription: { ...EVERY_ALERT, ...ALL_RUNS },
      };
      return { sink, channel: await createChannel(context, createCaller(), CHANNEL_KINDS, input) };
    };
    for (const { id } of await context.store.channels.listChannels(DEFAULT_TENANT))
      await deleteChannel(context, createCaller(), id);
    let refusals = 2;
    const live = await add(200);
    const slow = await add((response) => void setTimeout(() => response.writeHead(200).end(), 300));
    const ill = await add((response) => response.writeHead(refusals-- > 0 ? 500 : 200).end());
    const dead = await add(200);
    await dead.sink.close();
    const http = createGuardedHttp({ allowedCidrs: ['127.0.0.0/8'], timeoutMs: 10_000 });
    const deliverer = createDeliverer({
      context,
      kinds: CHANNEL_KINDS,
      http,
      randomBytes: systemRandomBytes,
      isHealthy: async () => true,
    });
    await endRun(about, 'failed');
    for (let round = 0; round < 3; round += 1) {
      await deliverer.runRound();
      await deliverer.settle();
      clock.advance(HOUR_MS);
    }
    assert.deepEqual(
      [live, slow, ill].map(({ sink }) => sink.requests.length),
      [1, 1, 3],
    );
    const stateOf = async ({ channel }: typeof live) =>
      (await context.store.channels.listDeliveries(DEFAULT_TENANT, { channel: channel.id }, { limit: 1 })).rows[0]?.state;
    assert.deepEqual(await Promise.all([live, slow, ill, dead].map(stateOf)), ['delivered', 'delivered', 'delivered', 'waiting']);
    const failing = await context.store.channels.findChannel(DEFAULT_TENANT, dead.channel.id);
    assert.deepEqual([failing?.failures, failing?.failure], [3, 'the connection was refused']);
    await deliverer.close();
    await Promise.all(sinks.map((sink) => sink.close().catch(() => undefined)));
  });
});
