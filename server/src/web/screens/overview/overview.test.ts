import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { acknowledgeAlert } from '../../../core/alerts/alerts.ts';
import { ALERT_CONDITIONS, type AlertCondition, getConditionRule } from '../../../core/alerts/conditions.ts';
import * as calendar from '../../../fires/fires.ts';
import type { Alert, Thing } from '../../../store/alerts.ts';
import type { Host } from '../../../store/hosts.ts';
import type { Source } from '../../../store/sources.ts';
import { createFleet, type Fleet, HOSTILE, playDay } from '../fixtures/fleet.ts';
import { readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addRun, addSource, announce } from '../fixtures/setup-fleet.ts';
import { createCaller, createWorld, NOW, type World } from '../fixtures/world.ts';
import { HOST_SCREENS } from '../hosts/hosts.ts';
import { createOverviewScreens, describeFleet } from './overview.ts';
import { isSaid } from './overview-alerts.ts';
import { groupBars } from './overview-night.ts';

let world: World;
let fleet: Fleet;

before(async () => {
  world = await createWorld(createOverviewScreens(calendar));
});
after(() => world.close());

describe('The overview of an empty server', () => {
  it('is a checklist whose primary button leads through it', async () => {
    const page = await world.read('/');
    assert.match(page, /Nothing is protected yet\./);
    assert.match(page, /0 of 5/);
    assert.equal([...page.matchAll(/button-primary/g)].length, 1);
    assert.match(page, /button-primary" href="\/welcome"/);
    assert.match(page, /href="\/hosts\/new"/);
  });

  it('offers a viewer nothing that would be refused', async () => {
    assert.doesNotMatch(await world.read('/', { role: 'viewer' }), /href="\/(hosts|repositories|sources|plans)\/new"/);
  });

  it('ticks what is done, and the last step runs the plan', async () => {
    fleet = await createFleet(world);
    const page = await world.read('/');
    assert.match(page, /4 of 5/);
    assert.match(page, /action="\/plans\/plan_[^"]+\/run"[\s\S]*?Go on with them/);
    assert.match(page, /0 of 10\u00a0sources are protected\./);
  });
});

describe('The overview of a fleet', () => {
  before(async () => {
    await playDay(fleet, NOW);
    await world.context.store.hosts.upsertAnnouncement(
      {
        id: world.context.createId('announcement'),
        tenant: DEFAULT_TENANT,
        hostname: HOSTILE,
        signingKey: world.context.crypto.makeSigningKeys().publicKey,
        sealingKey: world.context.crypto.makeSealingKeys().publicKey,
        fingerprint: 'otter-lamp-violin-seven-chalk-orbit',
        facts: {
          hostname: HOSTILE,
          os: 'Debian 12',
          arch: 'x64',
          kernel: '6.1',
          cpus: 2,
          memoryBytes: 1,
          agentVersion: '0.1.0',
          zone: 'UTC',
          bootedAt: 0,
          pdeathsig: true,
        },
        address: '192.0.2.7',
        nonce: 'n',
        createdAt: NOW,
        expiresAt: NOW + 3_600_000,
        state: 'pending',
      },
      10,
    );
  });

  it('answers how many sources are protected, and by what the rest falls short', async () => {
    const page = await world.read('/');
    assert.match(page, /4 of 10\u00a0sources are protected\./);
    assert.match(page, /5 unprotected · 1 unknown/);
    assert.match(page, /aria-label="4 protected, 5 unprotected, 1 unknown"/);
  });

  it('counts degraded hosts where there are any, and leads to them', async () => {
    const [online] = Object.entries(fleet.hosts).flatMap(([name, id]) => (name === 'mail' ? [] : [id]));
    assert.ok(online);
    assert.doesNotMatch(await world.read('/'), /Hosts degraded/);
    await world.context.store.hosts.recordAilments(online, [{ about: 'room', text: 'no room: make some' }]);
    assert.match(await world.read('/'), /Hosts degraded<\/dt><dd><a href="\/hosts\?state=degraded">1</);
    await world.context.store.hosts.recordAilments(online, []);
  });

  it('lists what needs a person with the words of the failure and one act each', async () => {
    const page = await world.read('/');
    assert.match(page, /password authentication failed for user &quot;backup&quot;[\s\S]*?Open run/);
    assert.match(page, /web-1 \/ uploads is in no plan[\s\S]*?href="\/plans\/new\?sources=src_/);
    assert.match(page, /last seen 40\u00a0min ago · 1\u00a0source unknown until it reports/);
    assert.match(page, /otter-lamp-violin-seven-chalk-orbit[\s\S]*?Compare and approve/);
    assert.equal([...page.matchAll(/button-primary/g)].length, 1);
    assert.match(page, /button-primary" href="\/hosts"/);
    assert.ok(!page.includes(HOSTILE));
  });

  it('draws the night by host and names the fires to come', async () => {
    const page = await world.read('/');
    assert.match(page, /Runs of the last 24 hours by host/);
    assert.match(page, /db-2\.fra 09:00: backup failed in 12\u00a0s/);
    assert.match(page, /class="coming"/);
    assert.match(page, /hourly<\/a><\/dt><dd><time/);
  });

  it('looks over weeks once something was measured, and draws nothing before', async () => {
    const before = await world.read('/');
    assert.doesNotMatch(before, /<h2>(?:Stored|90 days)</);
    assert.match(before, /Recovery proven[\s\S]+>drills<[\s\S]+no drill has tried one out yet/, 'what is not proven is said');
    const { history, maintenance } = world.context.store;
    const day = 86_400_000;
    const counts = { protected: 4, at_risk: 0, unprotected: 0, unknown: 0, paused: 0 };
    await history.recordProtection(DEFAULT_TENANT, NOW - 2 * day, { ...counts, unprotected: 4 });
    await history.recordProtection(DEFAULT_TENANT, NOW - day, counts);
    const [host] = Object.values(fleet.hosts);
    assert.ok(host);
    for (const [at, gib] of [
      [NOW - 20 * day, 1],
      [NOW - 8 * day, 3],
      [NOW - day, 5],
    ] as const)
      await maintenance.recordMeasurement(DEFAULT_TENANT, fleet.repositories.s3, {
        host,
        measuredAt: at,
        sizeBytes: gib * 1024 ** 3,
        snapshots: 1,
      });
    const page = await world.read('/');
    assert.match(page, /5\u00a0GiB · \+2\u00a0GiB in a week/);
    assert.match(page, /aria-label="Stored bytes over 20\u00a0days, from 1\u00a0GiB to 5\u00a0GiB"/);
    assert.match(page, /The last 90 days: 1\u00a0bad day of 2/);
    assert.match(page, /2026-11-18: 50[^<]*protected/);
    for (let n = 0; n < 30; n += 1) {
      const { id } = await addRepository(world, { name: `vault-${n}` });
      const size = { host, measuredAt: NOW - day, sizeBytes: 1024 ** 3, snapshots: 1 };
      await maintenance.recordMeasurement(DEFAULT_TENANT, id, size);
    }
    assert.match(await world.read('/'), /35\u00a0GiB · \+32\u00a0GiB in a week/, 'however many repositories there are');
  });

  it('shows running runs with bars of their own that a refresh leaves alone', async () => {
    const page = await world.read('/');
    assert.match(page, /id="progress-run_[^"]+" hx-morph-skip><div class="progress"\s+data-live-progress="run:run_/);
  });

  it('lists a plan that missed fires once, with its hosts, until a clean run makes it good', async () => {
    const { store } = world.context;
    const watches = await store.fires.listDueWatches(Number.MAX_SAFE_INTEGER, 50);
    const own = watches.filter((watch) => watch.plan === fleet.plans.hourly);
    assert.ok(own.length > 1);
    const fire = { fireAt: NOW - 60_000, dueAt: NOW - 60_000, deadlineAt: NOW - 30_000 };
    await store.fires.settleFires(
      own.map((watch) => ({ ...watch, lookAt: NOW, missed: [fire], catchUp: true })),
      NOW,
    );
    const page = await world.read('/');
    const title = `hourly missed ${own.length}\u00a0fires`;
    assert.equal(page.split(title).length, 2);
    assert.match(
      page,
      new RegExp(`${title}[\\s\\S]*?the last was due 1\u00a0min ago, and nothing ran within the grace[\\s\\S]*?Open plan`),
    );
    assert.doesNotMatch(page, /its plan did not run when it was due/);
  });

  it('gives each live part under its own id', async () => {
    for (const id of ['overview-heading', 'overview-lede', 'overview-body'])
      assert.match(await world.read('/', { part: id }), new RegExp(`^<(?:span|div)[^>]* id="${id}"`));
  });
});

describe('Alerts on the overview', () => {
  let own: World;
  let host: Host;
  let source: Source;
  before(async () => {
    own = await createWorld(createOverviewScreens(calendar));
    host = await addHost(own, { name: 'db-1' });
    own.directory.online.add(host.id);
    source = await addSource(own, { host: host.id, name: 'shop' });
    const repository = await addRepository(own);
    const plan = await addPlan(own, { name: 'nightly', repository: repository.id, sources: [source.id] });
    await addRun(own, { host: host.id, plan: plan.id, repository: repository.id, source: source.id, at: NOW - 2 * 60_000 });
  });
  after(() => own.close());

  const things = (): readonly Thing[] => [
    { kind: 'source', id: source.id },
    { kind: 'host', id: host.id },
    { kind: 'repository', id: 'repo_gone' },
    { kind: 'server', id: '' },
    { kind: 'fleet', id: '' },
  ];

  async function raise(condition: AlertCondition, thing: Thing): Promise<Alert> {
    const { severity, title } = getConditionRule(condition);
    const alert: Alert = {
      ...{ id: own.context.createId('alert'), tenant: DEFAULT_TENANT, condition, severity, thing, thingName: 'it' },
      ...{ title: title('it', 1), text: HOSTILE, members: 1, named: ['it'], since: NOW, raisedAt: NOW, settledAt: NOW },
      ...{ flaps: 0, version: 1 },
    };
    await own.context.store.alerts.applyStep({ alert, isNew: true, deliveries: [], at: NOW });
    return alert;
  }

  it('says that nothing needs you only while no alert is open', async () => {
    const quiet = 'Nothing needs you now.';
    assert.match(readWords(await own.read('/')), /The one source is protected\. .*Nothing needs you now\./u);
    const all = things();
    for (const [index, condition] of ALERT_CONDITIONS.entries()) {
      const thing = all[index % all.length] ?? assert.fail();
      const alert = await raise(condition, thing);
      const page = await own.read('/', { part: 'overview-body' });
      const about = `${condition} of ${thing.kind}`;
      assert.ok(!page.includes(quiet) && !page.includes(HOSTILE), about);
      assert.ok(readWords(page).includes(`Needs you 1 ${alert.severity} ${alert.title}`), about);
      assert.ok(page.includes(`href="/alerts/${alert.id}"`), about);
      await acknowledgeAlert(own.context, createCaller(), alert.id);
    }
    assert.ok((await own.read('/')).includes(quiet), 'somebody sees to all of them');
  });

  it('lists the gravest of many, and leads to the rest', async () => {
    for (let index = 0; index < 9; index += 1) await raise('host.outdated', { kind: 'host', id: `host_${index}` });
    await raise('snapshot.unreadable', { kind: 'repository', id: 'repo_1' });
    const page = readWords(await own.read('/', { part: 'overview-body' }));
    assert.match(page, /Needs you 10 critical A snapshot in it cannot be read whole .* 4.more alerts/u);
    assert.equal(page.split('The agent on it is older').length, 6);
  });

  it('leaves out sources that are late for the cause of another alert, while that one is open', async () => {
    const thing = { kind: 'repository' as const, id: 'repo_9' };
    const cause = await raise('repository.locked', thing);
    const late = await raise('backup.overdue', thing);
    const read = () => own.read('/', { part: 'overview-body' });
    const before = await read();
    assert.ok(before.includes(cause.id) && !before.includes(late.id));
    await acknowledgeAlert(own.context, createCaller(), cause.id);
    const after = await read();
    assert.ok(!after.includes(cause.id) && after.includes(late.id));
  });

  it('leaves out what the line of a source, a plan or a host says', () => {
    const things = { sources: new Set(['src_1']), plans: new Set(['plan_1']), hosts: new Set(['host_1']) };
    const said = { ...things, isSilenceTold: false };
    const cases: readonly (readonly [AlertCondition, Thing['kind'], string, boolean])[] = [
      ['backup.failed', 'source', 'src_1', true],
      ['backup.failed', 'source', 'src_2', false],
      ['backup.failed', 'host', 'host_1', false],
      ['source.offline', 'source', 'src_1', false],
      ['fire.missed', 'plan', 'plan_1', true],
      ['retention.frozen', 'plan', 'plan_1', false],
      ['host.silent', 'host', 'host_1', true],
      ['host.silent', 'host', 'host_2', false],
      ['host.silent', 'fleet', '', false],
      ['repository.full', 'repository', 'src_1', false],
    ];
    for (const [condition, kind, id, isLeftOut] of cases)
      assert.equal(isSaid({ condition, thing: { kind, id } }, said), isLeftOut, `${condition} of ${kind} ${id}`);
    const fleet = { kind: 'fleet', id: '' } as const;
    assert.equal(isSaid({ condition: 'host.silent', thing: fleet }, { ...things, isSilenceTold: true }), true);
    assert.equal(isSaid({ condition: 'source.offline', thing: fleet }, { ...things, isSilenceTold: true }), false);
  });
});

describe('The overview behind a line that died', () => {
  let own: World;
  const hosts: Host[] = [];
  before(async () => {
    own = await createWorld([...createOverviewScreens(calendar), ...HOST_SCREENS]);
    const repository = await addRepository(own);
    const here = await addHost(own, { name: 'here' });
    const shop = await addSource(own, { host: here.id, name: 'shop' });
    const sources = [shop.id];
    for (let n = 0; n < 30; n += 1) {
      const host = await addHost(own, { name: `branch-${n}` });
      hosts.push(host);
      sources.push((await addSource(own, { host: host.id, name: 'till' })).id);
    }
    const plan = await addPlan(own, { name: 'nightly', repository: repository.id, sources, cron: null });
    const run = { host: here.id, plan: plan.id, repository: repository.id, source: shop.id };
    await addRun(own, { ...run, at: NOW - 2 * 60_000, state: 'failed', message: 'no such database: shop' });
  });
  after(() => own.close());

  it('counts the hosts that are online as their own lines do, from the moment they are gone', async () => {
    const totals = async () => /Hosts online (\d+ of \d+)/u.exec(readWords(await own.read('/')))?.[1];
    const rows = async (state: string) => (await own.read(`/hosts?state=${state}`)).match(/<tr[^>]* data-row/gu)?.length ?? 0;
    assert.deepEqual([await totals(), await rows('online'), await rows('offline')], ['31 of 31', 31, 0]);
    for (const host of hosts) own.directory.online.delete(host.id);
    assert.deepEqual([await totals(), await rows('online'), await rows('offline')], ['1 of 31', 1, 30]);
    assert.match(readWords(await own.read('/hosts')), /1 of 31.hosts is online\./u);
    const [gone] = hosts;
    await own.context.store.hosts.recordAilments(gone?.id ?? assert.fail(), [{ about: 'room', text: 'no room: make some' }]);
    assert.equal(await rows('degraded'), 0, 'what was found on a host that is gone is not known to hold');
    assert.doesNotMatch(await own.read('/'), /Hosts degraded/u);
  });

  it('says of many silent hosts in one line, below the one backup that failed', async () => {
    const page = await own.read('/', { part: 'overview-body' });
    const words = readWords(page);
    assert.match(words, /Needs you 2 /u);
    assert.match(words, /here \/ shop .*no such database: shop .*30.hosts are silent branch-0, branch-1, branch-2 and 27 more/u);
    assert.match(words, /the last of them was seen now · 30.sources unknown until they report See hosts/u);
    assert.match(page, /href="\/hosts\?state=offline"/u);
  });

  it('keeps room for sources in trouble beside whatever else there is, and says of many that wait in one line', async () => {
    for (let n = 0; n < 9; n += 1) await announce(own, `new-${n}`);
    const words = readWords(await own.read('/', { part: 'overview-body' }));
    assert.match(words, /here \/ shop .*9.hosts want to join new-0, new-1, new-2 and 6 more Compare and approve/u);
  });
});

describe('What runs now', () => {
  it('is counted in full where not all of it is listed', async () => {
    const own = await createWorld(createOverviewScreens(calendar));
    const host = await addHost(own, { name: 'db-1' });
    const { context } = own;
    const events = Array.from({ length: 11 }, (_, index) => ({
      seq: index + 1,
      event: {
        ...{ type: 'run.created', run: context.createId('run'), at: NOW, kind: 'check', trigger: 'manual' },
        ...{ repository: context.createId('repository'), sources: [] },
      } as DurableEvent,
    }));
    await context.store.events.applyEvents(DEFAULT_TENANT, host.id, 'epoch-1', events, NOW);
    assert.match(readWords(await own.read('/')), /Running now 11 /u);
    await own.close();
  });
});

describe('The drawing of a night', () => {
  const bar = (minute: number, tone: 'protected' | 'unprotected' = 'protected') => ({
    start: NOW + minute * 60_000,
    end: NOW + (minute + 1) * 60_000,
    tone,
    title: `at ${minute}`,
  });
  const describeGroup = (group: readonly unknown[]) => ({ title: `${group.length} together` });

  it('marks each crowded hour once, with a failure in it on top, so that an hour without runs is seen', () => {
    const every15 = Array.from({ length: 20 }, (_, index) => bar(index * 15)).filter((_, index) => index < 8 || index >= 12);
    const bars = groupBars([...every15, bar(31, 'unprotected')], describeGroup);
    assert.deepEqual(
      bars.map(({ title, many, start, end }) => [title, many, (start - NOW) / 60_000, (end - NOW) / 60_000]),
      [
        ['4 together', true, 0, 46],
        ['4 together', true, 60, 106],
        ['4 together', true, 180, 226],
        ['4 together', true, 240, 286],
        ['at 31', undefined, 31, 32],
      ],
    );
  });

  it('marks an hour by its failures where there are many', () => {
    const minutes = Array.from({ length: 30 }, (_, index) => bar(2 * index, index < 4 ? 'unprotected' : 'protected'));
    const bars = groupBars(minutes, describeGroup);
    assert.deepEqual(
      bars.map(({ title, tone, end }) => [title, tone, (end - NOW) / 60_000]),
      [['30 together', 'unprotected', 59]],
    );
  });

  it('keeps a mark within its hour, and shows long runs by themselves', () => {
    const late = [55, 56, 57, 58].map((minute) => ({ ...bar(minute), end: NOW + (minute + 30) * 60_000 }));
    const long = { ...bar(5), end: NOW + 200 * 60_000 };
    assert.deepEqual(
      groupBars([...late, long], describeGroup).map(({ title, end }) => [title, (end - NOW) / 60_000]),
      [
        ['4 together', 60],
        ['at 5', 200],
      ],
    );
  });

  it('leaves runs alone that stand apart, and a few that stand close', () => {
    const bars = [bar(0), bar(60), bar(120), bar(180), bar(190), bar(200)];
    assert.equal(groupBars(bars, describeGroup).length, 6);
  });
});

describe('The sentence of the overview', () => {
  const counts = { protected: 0, at_risk: 0, unprotected: 0, unknown: 0, paused: 0 };
  it('is true for none, one, some and all', () => {
    assert.equal(describeFleet(counts, 0), 'Nothing is protected yet.');
    assert.equal(describeFleet({ ...counts, protected: 1 }, 1), 'The one source is protected.');
    assert.equal(describeFleet({ ...counts, protected: 1, at_risk: 1 }, 2), '1 of 2\u00a0sources is protected.');
    assert.equal(describeFleet({ ...counts, protected: 3 }, 3), 'All 3 sources are protected.');
  });
});
