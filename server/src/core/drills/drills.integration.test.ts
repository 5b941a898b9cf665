import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import { REQUESTS } from '@holdfast/shared/protocol/messages.ts';
import type { Caller } from '../caller.ts';
import { type CatalogRig, openCatalogRig, SECRETS } from '../fixtures/catalog-rig.ts';
import { factsOf } from '../fixtures/core-rig.ts';
import { updatePlan } from '../plans/plans.ts';
import { getDrillSettings, saveDrillSettings } from './drill-settings.ts';
import { startDrill, startDueDrills } from './drills.ts';
import { findProofTrouble } from './proof-trouble.ts';

const DAY = 24 * 3_600_000;
const QUESTION = { sql: 'select count(*) from orders', operator: '>' as const, value: '0' };

async function openRig(t: Parameters<typeof openCatalogRig>[0]): Promise<CatalogRig> {
  const rig = await openCatalogRig(t);
  await rig.context.store.hosts.recordContact(rig.host.id, {
    at: rig.clock.now(),
    facts: { ...factsOf('db-1'), capabilities: ['drill.start'] },
  });
  return rig;
}

const listOrders = ({ context, host, clock }: CatalogRig) => context.store.orders.listWaitingOrders(host.id, clock.now());

describe('A drill', () => {
  it('is ordered of the newest good backup, with the questions of its source', async (t) => {
    const rig = await openRig(t);
    const { context, admin, source, repository, plan } = rig;
    await rig.reportBackup(source, repository, 'succeeded');
    await rig.reportBackup(source, repository, 'failed');
    await saveDrillSettings(context, admin, source.id, { assertions: [QUESTION] });
    const run = await startDrill(context, admin, { source: source.id });
    const [order] = await listOrders(rig);
    const body = REQUESTS['drill.start'].body.parse(JSON.parse(order?.body ?? ''));
    assert.deepEqual(
      [order?.type, body.run, body.plan, body.source, body.trigger],
      ['drill.start', run.id, plan.id, source.id, 'manual'],
    );
    assert.equal(body.snapshot, 'snap_reported_1');
    // These snapshots have no file name, so they are no dump that could be asked anything.
    assert.deepEqual(body.assertions, []);
    assert.deepEqual([run.kind, run.snapshot, run.state], ['drill', 'snap_reported_1', 'queued']);
  });

  it('is refused without a good backup, without its plan, by an old agent, and to those who may not restore', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin, source, repository } = rig;
    await assert.rejects(startDrill(context, admin, { source: source.id }), /no good backup/);
    await rig.reportBackup(source, repository, 'succeeded');
    await assert.rejects(startDrill(context, admin, { source: source.id }), /too old for drills/);
    const viewer: Caller = { ...admin, role: 'viewer' };
    await assert.rejects(startDrill(context, viewer, { source: source.id }), { code: 'forbidden' });
    await assert.rejects(saveDrillSettings(context, viewer, source.id, { assertions: [] }), { code: 'forbidden' });
    const other = await rig.addDatabase(rig.host, 'other');
    const snapshot = await rig.reportBackup(source, repository, 'succeeded');
    await assert.rejects(startDrill(context, admin, { source: other.id, snapshot }), { code: 'not_found' });
    assert.deepEqual(await listOrders(rig), []);
  });

  it('takes settings that make sense, and names the field that does not', async (t) => {
    const { context, admin, source, files } = await openRig(t);
    const save = (wishes: object, id = source.id) => saveDrillSettings(context, admin, id, { assertions: [], ...wishes });
    for (const [wishes, field] of [
      [{ everyDays: 0 }, 'everyDays'],
      [{ everyDays: 1.5 }, 'everyDays'],
      [{ withinDays: Number.NaN }, 'withinDays'],
      [{ everyRuns: 0 }, 'everyRuns'],
      [{ everyRuns: 1001 }, 'everyRuns'],
      [{ host: 'host_nobody' }, 'host'],
      [{ assertions: [{ ...QUESTION, sql: ' ' }] }, 'assertions'],
      [{ assertions: [{ ...QUESTION, operator: 'like' }] }, 'assertions'],
    ] as const)
      await assert.rejects(save(wishes), (error: { details: object }) => `field.${field}` in error.details, field);
    await assert.rejects(save({ assertions: [QUESTION] }, files.id), /nothing can be asked/);
    await save({ everyDays: 7, withinDays: 30, assertions: [QUESTION] });
    const kept = await getDrillSettings(context, admin, source.id);
    assert.deepEqual([kept.everyDays, kept.withinDays, kept.assertions], [7, 30, [QUESTION]]);
  });

  it('takes place on another host, with the repository in the order, where that host can reach it', async (t) => {
    const rig = await openRig(t);
    const { context, admin, source, repository } = rig;
    await rig.reportBackup(source, repository, 'succeeded');
    const other = await rig.enrol('lab-1');
    await assert.rejects(startDrill(context, admin, { source: source.id, host: other.id }), /too old for drills/);
    const facts = { ...factsOf('lab-1'), capabilities: ['drill.start'] };
    await context.store.hosts.recordContact(other.id, { at: rig.clock.now(), facts });
    await saveDrillSettings(context, admin, source.id, { assertions: [], host: other.id });
    await assert.rejects(startDrill(context, admin, { source: source.id }), /lies on the disk of the host that made it/);
    const atHome = await startDrill(context, admin, { source: source.id, host: source.host });
    assert.equal(atHome.host, source.host);
    const far = await rig.addRepository('far', 'rest');
    await updatePlan(context, admin, rig.plan.id, { repository: far.id });
    await rig.reportBackup(source, far, 'succeeded');
    const run = await startDrill(context, admin, { source: source.id });
    assert.equal(run.host, other.id);
    const orders = await context.store.orders.listWaitingOrders(other.id, rig.clock.now());
    const { foreign } = REQUESTS['drill.start'].body.parse(JSON.parse(orders[0]?.body ?? ''));
    assert.deepEqual([foreign?.kind, foreign?.repository.id, foreign?.repository.draft.kind], ['postgres', far.id, 'rest']);
    assert.equal(orders[0]?.body.includes(SECRETS.repository), false);
  });

  it('restores into a database of a named server where that is one of the same host and kind, with a new enough agent', async (t) => {
    const rig = await openRig(t);
    const { context, admin, source, files, repository, host, clock } = rig;
    await rig.reportBackup(source, repository, 'succeeded');
    const start = (server: SourceId) => startDrill(context, admin, { source: source.id, server });
    await assert.rejects(start(files.id), /same kind of database/);
    const elsewhere = await rig.addDatabase(await rig.enrol('db-2'), 'far');
    await assert.rejects(start(elsewhere.id), /belongs to another host/);
    await assert.rejects(start(source.id), /too old for drills on a named server/);
    const facts = { ...factsOf('db-1'), capabilities: ['drill.start', 'restore.roles'] };
    await context.store.hosts.recordContact(host.id, { at: clock.now(), facts });
    await start(source.id);
    const [order] = await listOrders(rig);
    const { server } = REQUESTS['drill.start'].body.parse(JSON.parse(order?.body ?? ''));
    assert.deepEqual([server?.kind, server?.config['database']], ['postgres', 'shop']);
    assert.equal(order?.body.includes(SECRETS.database), false);
  });

  it('restores into the named server of the settings whenever it takes place on their host, by schedule as well', async (t) => {
    const rig = await openRig(t);
    const { context, admin, source, files, repository, host, clock } = rig;
    const facts = { ...factsOf('db-1'), capabilities: ['drill.start', 'restore.roles'] };
    await context.store.hosts.recordContact(host.id, { at: clock.now(), facts });
    await rig.reportBackup(source, repository, 'succeeded');
    const save = (wishes: object) => saveDrillSettings(context, admin, source.id, { assertions: [], everyDays: 7, ...wishes });
    const elsewhere = await rig.addDatabase(await rig.enrol('db-2'), 'far');
    await assert.rejects(save({ server: files.id }), /same kind of database/);
    await assert.rejects(save({ server: elsewhere.id }), /belongs to another host/);
    const scratch = await rig.addDatabase(host, 'scratch');
    await save({ server: scratch.id });
    const seeing = { ...context, directory: { ...context.directory, isOnline: () => true } };
    assert.equal(await startDueDrills(seeing), 1);
    const [order] = await listOrders(rig);
    const { server, trigger } = REQUESTS['drill.start'].body.parse(JSON.parse(order?.body ?? ''));
    assert.deepEqual([trigger, server?.kind, server?.config['database']], ['schedule', 'postgres', 'scratch']);
    await context.store.sources.deleteSource(admin.tenant, scratch.id);
    clock.advance(7 * DAY);
    assert.equal(await startDueDrills(seeing), 0, 'it is never restored somewhere else instead');
    const { missed } = await getDrillSettings(context, admin, source.id);
    assert.deepEqual(missed, { since: clock.now(), why: 'Server: the source through which it is reached is gone' });
  });

  it('that is due is started once its host is connected, and then again when its days have passed', async (t) => {
    const rig = await openRig(t);
    const { context, admin, source, repository, clock, host } = rig;
    await rig.reportBackup(source, repository, 'succeeded');
    await saveDrillSettings(context, admin, source.id, { assertions: [], everyDays: 7 });
    let isOnline = false;
    const seeing = { ...context, directory: { ...context.directory, isOnline: () => isOnline } };
    assert.equal(await startDueDrills(seeing), 0);
    const missed = async () => (await getDrillSettings(context, admin, source.id)).missed;
    assert.deepEqual(await missed(), { since: clock.now(), why: 'db-1 is offline' });
    isOnline = true;
    assert.equal(await startDueDrills(seeing), 0, 'one that could not be started is tried again in an hour, not at once');
    clock.advance(3_600_000);
    assert.equal(await startDueDrills(seeing), 1);
    assert.equal(await missed(), undefined);
    const { rows } = await context.store.runs.listRuns(admin.tenant, { kind: 'drill', host: host.id }, { limit: 10 });
    assert.deepEqual(
      rows.map(({ trigger, requestedBy }) => [trigger, requestedBy]),
      [['schedule', 'schedule']],
    );
    clock.advance(7 * DAY - 1);
    assert.equal(await startDueDrills(seeing), 0);
    clock.advance(1);
    assert.equal(await startDueDrills(seeing), 1);
  });
});

describe('What drills say against a source', () => {
  const now = 100 * DAY;
  const drill = (isProven: boolean, endedAt: number) => ({ isProven, endedAt }) as never;

  it('is nothing where nobody asked for a proof, or one is fresh', () => {
    assert.equal(findProofTrouble(undefined, undefined, now), undefined);
    const fresh = { proven: drill(true, now - 30 * DAY), newest: drill(true, now - 30 * DAY) };
    assert.equal(findProofTrouble(fresh, 30, now), undefined);
  });

  it('is that a wanted proof is missing or too old, and first of all that the last one failed', () => {
    assert.deepEqual(findProofTrouble(undefined, 30, now), { kind: 'too_old', at: undefined, withinDays: 30 });
    const old = { proven: drill(true, now - 31 * DAY), newest: drill(true, now - 31 * DAY) };
    assert.deepEqual(findProofTrouble(old, 30, now), { kind: 'too_old', at: now - 31 * DAY, withinDays: 30 });
    const failed = { proven: drill(true, now - DAY), newest: drill(false, now) };
    assert.deepEqual(findProofTrouble(failed, undefined, now), { kind: 'disproven', at: now });
  });
});
