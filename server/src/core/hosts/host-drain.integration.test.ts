import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { verifyDocument } from '@holdfast/shared/crypto/envelope.ts';
import { specSchema } from '@holdfast/shared/domain/plan.ts';
import { DRAIN, WIRE } from '@holdfast/shared/limits.ts';
import { openCatalogRig } from '../fixtures/catalog-rig.ts';
import { createRepository, updateRepository } from '../repositories/repositories.ts';
import { startPlan } from '../runs/runs.ts';
import { createSource } from '../sources/sources.ts';
import { countUnfinishedRuns, drainHost, resumeHost } from './host-drain.ts';
import { getHost, listHosts, revokeHost } from './hosts.ts';
import { buildSpec } from './spec.ts';
import { measureSpec } from './spec-size.ts';

const MINUTE = 60_000;
/** Paths of a source that fills a frame. */
const PATHS = 90;

async function openRig(t: TestContext) {
  const rig = await openCatalogRig(t);
  const { context, admin, host } = rig;
  return {
    ...rig,
    readSpec: async () => {
      const issued = await buildSpec(context, admin.tenant, host.id);
      return specSchema.parse(verifyDocument(context.crypto, context.identity.publicKey, 'spec', issued));
    },
    listActs: async () =>
      (await context.store.trail.listAudit(admin.tenant, { target: host.id }, { limit: 20 })).rows.map(({ action }) => action),
  };
}

describe('Draining a host', () => {
  it('tells the host until when, under a new version, and leaves it out once it is over', async (t) => {
    const { context, admin, host, clock, readSpec } = await openRig(t);
    const before = await readSpec();
    assert.equal(before.drain, undefined);
    const now = clock.now();
    const drained = await drainHost(context, admin, host.id, 120);
    assert.deepEqual(drained.drain, { since: now, until: now + 120 * MINUTE, by: admin.actor.name });
    const spec = await readSpec();
    assert.deepEqual(spec.drain, { since: now, until: now + 120 * MINUTE });
    assert.ok(spec.version > before.version);
    clock.advance(120 * MINUTE);
    assert.equal((await getHost(context, admin, host.id)).drain, undefined);
    assert.equal((await readSpec()).drain, undefined);
  });

  it('may be given another end, keeps when it began, and is ended by a person', async (t) => {
    const { context, admin, host, clock, readSpec, listActs } = await openRig(t);
    const now = clock.now();
    await drainHost(context, admin, host.id, 30);
    clock.advance(10 * MINUTE);
    const longer = await drainHost(context, admin, host.id, 60);
    assert.deepEqual(longer.drain, { since: now, until: now + 70 * MINUTE, by: admin.actor.name });
    assert.equal((await resumeHost(context, admin, host.id)).drain, undefined);
    assert.equal((await readSpec()).drain, undefined);
    const version = (await getHost(context, admin, host.id)).specVersion;
    await resumeHost(context, admin, host.id);
    assert.equal((await getHost(context, admin, host.id)).specVersion, version, 'a host that is not drained stays as it is');
    assert.deepEqual((await listActs()).filter((action) => action !== 'host.approved').sort(), [
      'host.drained',
      'host.drained',
      'host.resumed',
    ]);
  });

  it('lasts from a minute to seven days, on an active host, ordered by who may', async (t) => {
    const { context, admin, host } = await openRig(t);
    for (const minutes of [0, 1.5, DRAIN.minutesMax + 1, Number.NaN])
      await assert.rejects(drainHost(context, admin, host.id, minutes), { code: 'invalid' });
    await assert.rejects(drainHost(context, { ...admin, role: 'operator' }, host.id, 5), { code: 'forbidden' });
    await assert.rejects(resumeHost(context, { ...admin, role: 'operator' }, host.id), { code: 'forbidden' });
    await revokeHost(context, admin, host.id);
    await assert.rejects(drainHost(context, admin, host.id, 5), { code: 'precondition' });
  });

  it('finds drained hosts in the list only while the drain holds, and counts what has not ended', async (t) => {
    const { context, admin, host, plan, clock } = await openRig(t);
    await drainHost(context, admin, host.id, 5);
    const list = async () => (await listHosts(context, admin, { drainedAt: clock.now() }, { limit: 5 })).rows.map(({ id }) => id);
    assert.deepEqual(await list(), [host.id]);
    clock.advance(5 * MINUTE);
    assert.deepEqual(await list(), []);
    await startPlan(context, admin, plan.id);
    assert.deepEqual(await countUnfinishedRuns(context, admin, host.id), { active: 0, waiting: 1, isMore: false });
  });

  it('is possible for a host whose settings fill their frame to the last byte', async (t) => {
    const { context, admin, host } = await openRig(t);
    const stored = async () => {
      const row = await context.store.hosts.findHost(admin.tenant, host.id);
      assert.ok(row);
      return row;
    };
    const weigh = async () => measureSpec(context, await stored());
    const filler = (chars: number) => ({ paths: Array.from({ length: PATHS }, (_, n) => `/${n}/${'x'.repeat(chars)}`) });
    const room = WIRE.frameBytes - (await weigh()) - 2000;
    await createSource(context, admin, {
      host: host.id,
      name: 'full',
      kind: 'files',
      config: filler(Math.floor(room / PATHS)),
      secrets: {},
    });
    const weighed = await weigh();
    assert.ok(weighed <= WIRE.frameBytes && weighed > WIRE.frameBytes - 2500, String(weighed));
    await drainHost(context, admin, host.id, DRAIN.minutesMax);
    assert.equal(await weigh(), weighed, 'room for a drain was kept');
  });
});

describe('Runs at the same time in one repository', () => {
  it('are limited for the hosts that use it, until the limit is taken away', async (t) => {
    const { context, admin, repository, readSpec, host } = await openRig(t);
    const atOnce = async () => (await readSpec()).repositories.find(({ id }) => id === repository.id)?.runsAtOnce;
    assert.equal(await atOnce(), undefined);
    const { specVersion } = await getHost(context, admin, host.id);
    await updateRepository(context, admin, repository.id, { runsAtOnce: 1 });
    assert.equal(await atOnce(), 1);
    assert.ok((await getHost(context, admin, host.id)).specVersion > specVersion);
    await updateRepository(context, admin, repository.id, { name: 'renamed' });
    assert.equal(await atOnce(), 1, 'a change of something else leaves it');
    await updateRepository(context, admin, repository.id, { runsAtOnce: null });
    assert.equal(await atOnce(), undefined);
    const narrow = await createRepository(context, admin, {
      name: 'narrow',
      kind: 'local',
      config: { path: '/var/backups/narrow' },
      secrets: { password: 'x' },
      runsAtOnce: 2,
    });
    assert.equal(narrow.runsAtOnce, 2);
  });
});
