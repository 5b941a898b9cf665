import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { DEFAULT_TENANT, type HostId, type PlanId, type RepositoryId, type SourceId } from '@holdfast/shared/domain/ids.ts';
import { CHANNEL_KINDS } from '../../notify/all.ts';
import { addHost, addPlan, addRepository, addRun, addSource } from '../../web/screens/fixtures/setup-fleet.ts';
import { createCaller, createWorld, NOW, type World } from '../../web/screens/fixtures/world.ts';
import { saveObjectives } from '../protection/objective-settings.ts';
import { acknowledgeAlert, listAlertEvents, listAlerts } from './alerts.ts';
import { createChannel } from './channels.ts';
import { saveRules } from './rule-settings.ts';
import type { ServerFacts } from './server-signs.ts';
import { EVERY_ALERT } from './subscription.ts';
import { type AlertWatch, createAlertWatch } from './watch.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const caller = createCaller();

let world: World;
let watch: AlertWatch;
let freeBytes = 1e12;
let own: ServerFacts = {};
let about: { host: HostId; plan: PlanId; repository: RepositoryId; source: SourceId };

beforeEach(async () => {
  freeBytes = 1e12;
  own = {};
  world = await createWorld([]);
  watch = createAlertWatch(world.context, {
    serverVersion: '0.1.0',
    measureServer: async () => ({ freeBytes, ...own }),
    linkAlert: ({ id }) => `https://backup.example.test/alerts/${id}`,
    listensToAlerts: (kind) => kind === 'webhook',
  });
  const host = await addHost(world, { name: 'db-1', tags: ['prod'] });
  const source = await addSource(world, { host: host.id, name: 'shop' });
  const repository = await addRepository(world);
  const plan = await addPlan(world, { name: 'nightly', repository: repository.id, sources: [source.id], cron: null });
  about = { host: host.id, plan: plan.id, repository: repository.id, source: source.id };
});
afterEach(async () => {
  await watch.close();
  await world.close();
});

const listTitles = async () =>
  (await listAlerts(world.context, caller, { state: 'active' }, { limit: 50 })).rows.map(({ title }) => title).sort();
const listTopics = async () => {
  const { rows } = await world.context.store.channels.listDeliveries(DEFAULT_TENANT, {}, { limit: 50 });
  return rows
    .map(({ channel, kind, body }) => ({ channel, kind, text: (JSON.parse(body) as { text: string }).text }))
    .toReversed();
};
const addChannel = (name: string, more: Partial<Parameters<typeof createChannel>[3]> = {}) =>
  createChannel(world.context, caller, CHANNEL_KINDS, {
    ...more,
    ...{ name, kind: 'webhook', config: {} },
    secrets: { url: 'https://hooks.example.com/x' },
  });

describe('A maintenance window of the look for trouble', () => {
  it('holds back what is new of its tag, lets be what stood before, and raises after its end what is still true', async () => {
    world.directory.online.delete(about.host);
    world.clock.advance(10 * MINUTE);
    await watch.runRound();
    assert.deepEqual(await listTitles(), ['db-1 is silent']);
    const now = world.clock.now();
    const window = { kind: 'once' as const, name: 'new kernel', tag: 'prod', fromAt: now, toAt: now + HOUR };
    await saveRules(world.context, caller, { windows: [window] });
    await addRun(world, { ...about, at: now, state: 'failed' });
    await watch.runRound();
    assert.deepEqual(await listTitles(), ['db-1 is silent'], 'what was raised stays, what is new waits');
    world.clock.advance(HOUR);
    await watch.runRound();
    assert.deepEqual(await listTitles(), ['The backup of db-1 / shop failed', 'db-1 is silent']);
  });

  it('for everything keeps repositories and plans quiet, and never the server itself', async () => {
    const window = { kind: 'once' as const, name: 'move', fromAt: NOW, toAt: NOW + HOUR };
    await saveRules(world.context, caller, { windows: [window] });
    await addRun(world, { ...about, at: NOW, state: 'failed' });
    freeBytes = 1;
    await watch.runRound();
    assert.deepEqual(await listTitles(), ['This server has little disk left']);
  });
});

it('A plan may ask for three failures in a row, whatever the installation does', async () => {
  await saveRules(world.context, caller, { plans: [{ plan: about.plan, failuresInARow: 3 }] });
  const raised: number[] = [];
  for (let n = 0; n < 3; n += 1) {
    await addRun(world, { ...about, at: NOW + n * MINUTE, state: 'failed' });
    await watch.runRound();
    raised.push((await listTitles()).length);
  }
  assert.deepEqual(raised, [0, 0, 1]);
});

describe('Each of these faults raises its alert, and mending it ends it', () => {
  interface Fault {
    title: string;
    breakIt(): Promise<unknown>;
    alert: string;
    mend(): Promise<unknown>;
  }
  const DAY = 24 * HOUR;
  const clean = () => addRun(world, { ...about, at: world.clock.now() - HOUR });
  const measure = (measuredAt: number, sizeBytes: number) =>
    world.context.store.maintenance.recordMeasurement(DEFAULT_TENANT, about.repository, {
      ...{ host: about.host, measuredAt, sizeBytes, snapshots: 1 },
    });
  /** What following the chain came to. */
  const noteAudit = (fault?: { no: number; why: string }) =>
    world.context.store.settings.putSetting(
      `audit.verdict.${DEFAULT_TENANT}`,
      JSON.stringify({ at: NOW, entries: 1, hash: '', fault }),
    );
  const setOwn = (facts: ServerFacts) => async () => {
    own = facts;
  };
  const faults: readonly Fault[] = [
    {
      title: 'a backup older than the objective of its tag',
      async breakIt() {
        await addRun(world, { ...about, at: NOW - 5 * HOUR });
        await saveObjectives(world.context, caller, { tags: [{ tag: 'prod', backupMinutes: 240 }] });
      },
      alert: 'db-1 / shop has no clean backup in time',
      mend: clean,
    },
    {
      title: 'a proof that the fleet wants and nobody has',
      async breakIt() {
        await clean();
        await saveObjectives(world.context, caller, { fleet: { proofDays: 30 } });
      },
      alert: 'The recovery of db-1 / shop is not proven in time',
      mend: () => saveObjectives(world.context, caller, {}),
    },
    {
      title: 'a partial backup',
      breakIt: () => addRun(world, { ...about, at: NOW, state: 'partial' }),
      alert: 'The backup of db-1 / shop is only partial',
      mend: () => addRun(world, { ...about, at: NOW + HOUR }),
    },
    {
      title: 'a host that is silent for longer than its tag may be',
      async breakIt() {
        await saveRules(world.context, caller, { tags: [{ tag: 'prod', silentMinutes: 60 }] });
        world.directory.online.delete(about.host);
        world.clock.advance(30 * MINUTE);
        await watch.runRound();
        assert.deepEqual(await listTitles(), []);
        world.clock.advance(31 * MINUTE);
      },
      alert: 'db-1 is silent',
      async mend() {
        world.directory.online.add(about.host);
        await world.context.store.hosts.recordContact(about.host, { at: world.clock.now() });
      },
    },
    {
      title: 'a repository that stores more than was set for it',
      async breakIt() {
        await saveRules(world.context, caller, { repositories: [{ repository: about.repository, storedGib: 0.5 }] });
        await measure(NOW, 1024 ** 3);
      },
      alert: 'The repository s3-eu stores more than was set for it',
      mend: () => measure(NOW + HOUR, 1024 ** 2),
    },
    {
      title: 'an audit that was written to by somebody else',
      breakIt: () => noteAudit({ no: 2, why: 'changed' }),
      alert: 'The audit of this server is not what was written',
      mend: () => noteAudit(),
    },
    {
      title: 'a database of the server that is not copied',
      breakIt: setOwn({ copiedAt: NOW - 8 * DAY }),
      alert: 'The database of this server has no recent copy',
      mend: setOwn({ copiedAt: NOW }),
    },
    {
      title: 'a certificate near its end',
      breakIt: setOwn({ certificateEndsAt: NOW + 3 * DAY }),
      alert: 'The certificate of this server is near its end',
      mend: setOwn({ certificateEndsAt: NOW + 90 * DAY }),
    },
  ];
  for (const { title, breakIt, alert, mend } of faults)
    it(title, async () => {
      await breakIt();
      await watch.runRound();
      assert.deepEqual(await listTitles(), [alert]);
      await mend();
      await watch.runRound();
      assert.deepEqual(await listTitles(), []);
    });
});

describe('An alert nobody takes', () => {
  it('is told to the next channel after its time, once, and to nobody more when somebody has it', async () => {
    const first = await addChannel('chat');
    // What is escalated to it, it did not ask for: it hears of the end all the same.
    const second = await addChannel('pager', { subscription: { ...EVERY_ALERT, least: 'none' } });
    const third = await addChannel('chief');
    const escalation = [
      { afterMinutes: 15, least: 'critical' as const, channel: second.id },
      { afterMinutes: 30, least: 'critical' as const, channel: third.id },
    ];
    await saveRules(world.context, caller, { escalation });
    freeBytes = 1;
    await watch.runRound();
    assert.deepEqual(
      (await listTopics()).map(({ channel }) => channel),
      [first.id],
    );
    world.clock.advance(15 * MINUTE);
    await watch.runRound();
    await watch.runRound();
    const [, told, ...more] = await listTopics();
    assert.equal(more.length, 0);
    assert.equal(told?.channel, second.id);
    assert.match(told?.text ?? '', /^nobody has taken it for 15 min: This server has little disk left/u);
    const [alert] = (await listAlerts(world.context, caller, {}, { limit: 1 })).rows;
    assert.ok(alert);
    const events = await listAlertEvents(world.context, caller, alert.id);
    assert.deepEqual([events[0]?.kind, events[0]?.text], ['escalated', 'nobody has taken it for 15 min; pager is told']);
    await acknowledgeAlert(world.context, caller, alert.id);
    world.clock.advance(HOUR);
    await watch.runRound();
    freeBytes = 1e12;
    await watch.runRound();
    const ends = (await listTopics()).filter(({ kind }) => kind === 'alert.resolved');
    assert.deepEqual(
      new Set(ends.map(({ channel }) => channel)),
      new Set([first.id, second.id]),
      'whoever was told hears of the end, and nobody else',
    );
  });
});
