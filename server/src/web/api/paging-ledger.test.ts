import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RunId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import * as z from 'zod';
import type { Alert } from '../../store/alerts.ts';
import { backUp, createdEvent, report, startedEvent } from '../../store/contract/reports.ts';
import {
  NOW,
  sampleHost,
  sampleId,
  samplePlan,
  samplePolicy,
  sampleRepository,
  sampleSharedSchedule,
  sampleSource,
  sampleUser,
  TENANT,
} from '../../store/contract/samples.ts';
import type { Host } from '../../store/hosts.ts';
import type { Plan } from '../../store/plans.ts';
import type { Repository } from '../../store/repositories.ts';
import type { Source } from '../../store/sources.ts';
import type { ApiEndpoint } from '../http/route.ts';
import { type Answer, type ApiWorld, catchError, openApiWorld } from './fixtures/api-world.ts';

/** Of each thing. All of them are of one instant, so that a page which went by time alone would skip or repeat. */
const ROWS = 5;
const eachRow = Array.from({ length: ROWS }, (_, n) => n);

let world: ApiWorld;
let host: Host;
let source: Source;
let plan: Plan;
let repository: Repository;
let channel = '';
const alertOfMany = sampleId('alert');

before(async () => {
  world = await openApiWorld();
  const { store } = world.context;
  host = sampleHost();
  source = sampleSource(host);
  repository = sampleRepository();
  await store.hosts.insertHost(host);
  await store.sources.insertSource(source);
  await store.repositories.insertRepository(repository);
  const schedule = { cron: '0 2 * * *', zone: 'UTC' };
  const plans = eachRow.map(() => samplePlan(repository, [source], { schedule }));
  for (const one of plans) await store.plans.insertPlan(one);
  plan = plans[0] ?? assert.fail();
  await fillCatalog();
  await fillLedger();
  await fillAlarms();
});
after(async () => {
  await world.close();
});

async function fillCatalog(): Promise<void> {
  const { store } = world.context;
  for (const _ of eachRow) {
    await store.sources.insertSource(sampleSource(host));
    await store.policies.insertPolicy(samplePolicy());
    await store.sharedSchedules.insertSharedSchedule(sampleSharedSchedule());
    await store.people.insertUser(sampleUser());
  }
  const seen = eachRow.map((n) => ({ name: `found ${n}` }));
  const look = { host: host.id, kind: 'postgres', place: '127.0.0.1:5432', at: NOW, via: source.id, seen };
  await store.coverage.recordLook(TENANT, look, () => world.context.createId('finding'));
}

async function fillLedger(): Promise<void> {
  const { store } = world.context;
  for (const _ of eachRow) {
    const snapshot = sampleId('snapshot');
    await backUp(store, host, { sources: [source.id], repository: repository.id, made: { id: snapshot } });
    const restore = sampleId('run');
    await report(store, host, [createdEvent(restore, { kind: 'restore' }), startedEvent(restore)]);
    await report(store, host, tellDrill(sampleId('run'), source.id, snapshot));
  }
  for (const n of eachRow)
    await store.trail.appendHappening({
      tenant: TENANT,
      host: host.id,
      at: NOW,
      type: 'host.notice',
      level: 'info',
      text: `said ${n}`,
    });
  const watches = await store.fires.listDueWatches(Number.MAX_SAFE_INTEGER, 20);
  const watch = watches.find((one) => one.plan === plan.id) ?? assert.fail('the plan is watched');
  const missed = eachRow.map((n) => ({ fireAt: NOW + n, dueAt: NOW + n, deadlineAt: NOW + n + 1 }));
  await store.fires.settleFires([{ ...watch, lookAt: 0, missed, catchUp: true }], NOW + 100);
}

function tellDrill(run: RunId, of: SourceId, snapshot: SnapshotId): readonly DurableEvent[] {
  const drill = { isProven: true, restoreMs: 1, snapshotAgeMs: 1, rows: 1, things: 1 };
  return [
    createdEvent(run, { kind: 'drill', sources: [of], snapshot }),
    startedEvent(run),
    {
      type: 'part.finished',
      run,
      at: NOW,
      part: { source: of, state: 'succeeded', warnings: [], bytes: 1, durationMs: 1, drill },
    },
  ];
}

async function fillAlarms(): Promise<void> {
  const { store } = world.context;
  const url = 'http://127.0.0.1:9/nobody-listens';
  const { data } = await world.call('POST /channels', { body: { name: 'on-call', kind: 'webhook', secrets: { url } } });
  channel = (data as { id: string }).id;
  for (const n of eachRow) {
    await catchError(world.call('POST /channels/:id/test', { params: { id: channel } }));
    const alert = {
      ...{ id: sampleId('alert'), tenant: TENANT, condition: 'backup.failed' as const, severity: 'critical' as const },
      ...{
        thing: { kind: 'source' as const, id: sampleId('source') },
        thingName: `x ${n}`,
        title: 'It failed',
        text: 'it broke',
      },
      ...{ members: 1, named: [`x ${n}`], since: NOW, raisedAt: NOW, settledAt: NOW, flaps: 0, version: 1 },
    };
    const event = { at: NOW, kind: 'raised' as const, text: 'it broke' };
    await store.alerts.applyStep({ alert, isNew: true, event, deliveries: [], at: NOW });
    if (n === 0) await raiseForMany(alert);
  }
}

async function raiseForMany(like: Alert): Promise<void> {
  const { alerts } = world.context.store;
  const thing = { kind: 'repository' as const, id: repository.id };
  const condition = 'repository.full' as const;
  for (const n of eachRow) {
    const scopeId = sampleId('source');
    const sign = {
      scope: 'source' as const,
      scopeId,
      subject: scopeId,
      condition,
      thing,
      name: `x ${n}`,
      text: 'it is',
      since: NOW,
    };
    await alerts.replaceSigns(TENANT, { scope: 'source', ids: [scopeId] }, [sign], NOW);
  }
  await alerts.applyStep({ alert: { ...like, id: alertOfMany, condition, thing }, isNew: true, deliveries: [], at: NOW });
}

type Row = {
  id?: string;
  scopeId?: string;
  run?: RunId;
  snapshot?: SnapshotId;
  fireAt?: number;
  source?: SourceId;
  text?: string;
};
const keyOf = (row: Row): string => String(row.id ?? row.scopeId ?? row.run ?? row.fireAt ?? row.source ?? row.text);

async function walk(ask: (query: Record<string, string>) => Promise<Answer>, limit: number): Promise<readonly string[][]> {
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const page = await ask({ limit: String(limit), ...(cursor === undefined ? {} : { cursor }) });
    pages.push((page.data as Row[]).map(keyOf));
    cursor = page.next;
    assert.ok(pages.length <= 40, 'the pages end');
  } while (cursor !== undefined);
  return pages;
}

const LISTS: readonly [route: string, input: () => { params?: Record<string, string> }][] = [
  ['GET /plans', () => ({})],
  ['GET /retention-policies', () => ({})],
  ['GET /shared-schedules', () => ({})],
  ['GET /users', () => ({})],
  ['GET /runs', () => ({})],
  ['GET /snapshots', () => ({})],
  ['GET /restores', () => ({})],
  ['GET /drills', () => ({})],
  ['GET /proofs', () => ({})],
  ['GET /coverage', () => ({})],
  ['GET /alerts', () => ({})],
  ['GET /alerts/:id/members', () => ({ params: { id: alertOfMany } })],
  ['GET /channels/:id/deliveries', () => ({ params: { id: channel } })],
  ['GET /hosts/:id/happenings', () => ({ params: { id: host.id } })],
  ['GET /plans/:id/missed-fires', () => ({ params: { id: plan.id } })],
];

describe('Lists of what happened', () => {
  for (const [route, input] of LISTS)
    it(`give every row once and in one order, whatever the size of a page: ${route}`, async () => {
      const ask = (query: Record<string, string>) => world.call(route, { ...input(), query });
      const [whole = [], ...more] = await walk(ask, 200);
      assert.deepEqual(more, []);
      assert.ok(whole.length >= ROWS, `${whole.length} rows`);
      assert.equal(new Set(whole).size, whole.length);
      for (const limit of [1, 2, whole.length - 1, whole.length]) {
        const pages = await walk(ask, limit);
        assert.deepEqual(pages.flat(), whole, `by ${limit}`);
        assert.equal(pages.length, Math.ceil(whole.length / limit), 'a full last page has no next');
      }
      for (const cursor of ['zzz', 'W10', '%00']) assert.equal((await catchError(ask({ cursor }))).code, 'invalid', cursor);
    });

  it('are walked here or beside this file, every one that pages', () => {
    const beside = [
      '/hosts',
      '/sources',
      '/repositories',
      '/channels',
      '/api-keys',
      '/enrolment-tokens',
      '/hosts/pending',
      '/hosts/rejected',
      '/audit',
    ];
    // What lies in a repository is told by a host each time.
    const told = ['/repositories/:id/contents'];
    const here = LISTS.map(([route]) => route.replace('GET ', ''));
    const hasCursor = ({ query }: ApiEndpoint) => query instanceof z.ZodObject && 'cursor' in query.shape;
    const paged = world.endpoints.filter(hasCursor).map(({ path }) => path);
    assert.deepEqual(
      paged.filter((path) => ![...beside, ...told, ...here].includes(path)),
      [],
    );
  });
});
