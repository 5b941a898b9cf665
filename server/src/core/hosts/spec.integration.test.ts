import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verifyDocument } from '@holdfast/shared/crypto/envelope.ts';
import { openSealed } from '@holdfast/shared/crypto/sealed.ts';
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import { specSchema } from '@holdfast/shared/domain/plan.ts';
import { RECOVERY, RUNS, WIRE } from '@holdfast/shared/limits.ts';
import { type CatalogRig, openCatalogRig, SECRETS } from '../fixtures/catalog-rig.ts';
import { factsOf } from '../fixtures/core-rig.ts';
import { createPlan, updatePlan } from '../plans/plans.ts';
import { createRecoveryKey, removeRecoveryKey } from '../repositories/recovery-key.ts';
import { updateRepository } from '../repositories/repositories.ts';
import { startPlan } from '../runs/runs.ts';
import { createSource, updateSource } from '../sources/sources.ts';
import { rotateHostToken, updateHost } from './hosts.ts';
import { buildSpec } from './spec.ts';
import { measureSpec } from './spec-size.ts';

async function readSpec(rig: CatalogRig, host: HostId) {
  const issued = await buildSpec(rig.context, rig.admin.tenant, host);
  const spec = specSchema.parse(verifyDocument(rig.context.crypto, rig.context.identity.publicKey, 'spec', issued));
  assert.equal(spec.version, issued.version);
  return { spec, document: issued.document };
}

describe('The spec of a host', () => {
  it('says nothing of what the server alone goes by', async (t) => {
    const { context, admin, host, plan } = await openCatalogRig(t);
    await updatePlan(context, admin, plan.id, { options: { drills: { everyRuns: 7, host: host.id } } });
    const { document } = await buildSpec(context, admin.tenant, host.id);
    assert.match(document, /graceMinutes/u);
    assert.doesNotMatch(document, /drills|everyRuns/u);
  });

  it('holds its own things only, and no secret that anybody else could read', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin, host } = rig;
    const other = await rig.enrol('db-2');
    const foreign = await rig.addDatabase(other, 'other-shop');
    const remote = await rig.addRepository('remote', 'rest');
    const shared = await createPlan(context, admin, {
      name: 'both',
      repository: remote.id,
      sources: [rig.source.id, foreign.id],
    });
    const { spec, document } = await readSpec(rig, host.id);
    assert.deepEqual(spec.sources.map((one) => one.id).sort(), [rig.source.id, rig.files.id].sort());
    assert.deepEqual(spec.plans.find((one) => one.id === shared.id)?.sourceIds, [rig.source.id]);
    assert.deepEqual(spec.repositories.map((one) => one.id).sort(), [rig.repository.id, remote.id].sort());
    for (const hidden of [...Object.values(SECRETS), foreign.id, 'other-shop']) assert.ok(!document.includes(hidden), hidden);
    const sealed = spec.sources.find((one) => one.id === rig.source.id)?.secrets;
    assert.ok(sealed);
    const binding = { host: host.id, purpose: 'source' as const, ref: rig.source.id, version: rig.source.version };
    assert.equal(
      openSealed(context.crypto, host.sealing, context.identity.publicKey, binding, sealed).values['password'],
      SECRETS.database,
    );
    assert.throws(() => openSealed(context.crypto, other.sealing, context.identity.publicKey, binding, sealed), {
      code: 'integrity',
    });
    const foreignSpec = await readSpec(rig, other.id);
    assert.deepEqual(
      foreignSpec.spec.repositories.map((one) => one.id),
      [remote.id],
      'only what its plans need',
    );
  });

  it('carries what each run of the host may take, and nothing of it where there are no limits', async (t) => {
    const { host, context, admin, ...rig } = await openCatalogRig(t);
    const read = async () => (await readSpec({ ...rig, host, context, admin }, host.id)).spec;
    const before = await read();
    assert.equal(before.limits, undefined);
    const limits = { nice: 5, downloadKiBps: 100 };
    await updateHost(context, admin, host.id, { limits });
    const after = await read();
    assert.deepEqual(after.limits, limits);
    assert.ok(after.version > before.version);
    await updateHost(context, admin, host.id, { name: 'renamed' });
    assert.deepEqual((await read()).limits, limits);
    await updateHost(context, admin, host.id, { limits: {} });
    assert.equal((await read()).limits, undefined);
  });

  it('leaves out what is switched off, and gets a higher version with each change', async (t) => {
    const rig = await openCatalogRig(t);
    const before = await readSpec(rig, rig.host.id);
    await updateSource(rig.context, rig.admin, rig.source.id, { enabled: false });
    const after = await readSpec(rig, rig.host.id);
    assert.ok(after.spec.version > before.spec.version);
    assert.deepEqual(
      after.spec.sources.map((one) => one.id),
      [rig.files.id],
    );
    assert.deepEqual(after.spec.plans[0]?.sourceIds, [rig.files.id]);
    await updateSource(rig.context, rig.admin, rig.files.id, { enabled: false });
    const { spec } = await readSpec(rig, rig.host.id);
    assert.deepEqual([spec.sources, spec.plans, spec.repositories], [[], [], []]);
  });
});

describe('The sealed copies in a spec', () => {
  /** An agent that connects and names what it can do. */
  const tell = (rig: CatalogRig, capabilities: readonly string[]) =>
    rig.context.store.hosts.recordContact(rig.host.id, {
      at: rig.clock.now(),
      facts: { ...factsOf('db-1'), capabilities: [...capabilities] },
    });
  const readCopies = async (rig: CatalogRig) =>
    (await readSpec(rig, rig.host.id)).spec.repositories.map(({ recoveryCopy }) => recoveryCopy);

  it('go to an agent that keeps them, one for each repository it names, and with the key they go again', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin } = rig;
    await rig.addRepository('of another host');
    const { recipient } = await createRecoveryKey(context, admin, undefined);
    assert.deepEqual(await readCopies(rig), [undefined], 'an older agent gets none');
    await tell(rig, ['spec.put recovery']);
    const [copy] = await readCopies(rig);
    const [stored] = await context.store.recovery.findRecoveryCopies(admin.tenant, [rig.repository.id]);
    assert.equal(copy, stored?.sealed);
    await updateHost(context, admin, rig.host.id, { secretsMode: 'kept' });
    await removeRecoveryKey(context, admin, recipient);
    assert.deepEqual(await readCopies(rig), [undefined]);
  });

  it('do not go to a host that keeps no secrets', async (t) => {
    const rig = await openCatalogRig(t);
    await createRecoveryKey(rig.context, rig.admin, undefined);
    await tell(rig, ['spec.put recovery', 'secrets.put']);
    assert.notDeepEqual(await readCopies(rig), [undefined]);
    await updateHost(rig.context, rig.admin, rig.host.id, { secretsMode: 'just_in_time' });
    assert.deepEqual(await readCopies(rig), [undefined]);
  });

  it('are left out where the frame has no room for them, and none that is longer than a host takes is in it', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin, host, repository } = rig;
    await createRecoveryKey(context, admin, undefined);
    await tell(rig, ['spec.put recovery']);
    const add = (name: string, count: number) =>
      createSource(context, admin, {
        ...{ host: host.id, name, kind: 'files', secrets: {} },
        config: { paths: Array.from({ length: count }, (_, n) => `/${name}${n}/${'x'.repeat(4000)}`) },
      });
    const [copy] = await context.store.recovery.findRecoveryCopies(admin.tenant, [repository.id]);
    assert.ok(copy);
    const longest = 'x'.repeat(RECOVERY.copyChars);
    await context.store.recovery.putRecoveryCopy({ ...copy, sealed: `${longest}x` });
    assert.deepEqual(await readCopies(rig), [undefined]);
    await context.store.recovery.putRecoveryCopy({ ...copy, sealed: longest });
    await add('a', 30);
    await add('b', 28);
    assert.deepEqual(await readCopies(rig), [longest]);
    await add('c', 4);
    assert.deepEqual(await readCopies(rig), [undefined]);
    const frame = JSON.stringify(await buildSpec(context, admin.tenant, host.id));
    assert.ok(Buffer.byteLength(frame) <= WIRE.frameBytes);
  });
});

describe('A spec that would not fit into its frame', () => {
  /** A file source that takes about 100 KiB of a spec. */
  const heavy = (mark: string) => ({ paths: Array.from({ length: 25 }, (_, n) => `/${mark}${n}/${'x'.repeat(4000)}`) });
  const addHeavy = (rig: CatalogRig, mark: string) =>
    createSource(rig.context, rig.admin, { host: rig.host.id, name: mark, kind: 'files', config: heavy(mark), secrets: {} });

  it('is estimated from above, and not by much', async (t) => {
    const rig = await openCatalogRig(t);
    const host = await rig.context.store.hosts.findHost(rig.admin.tenant, rig.host.id);
    assert.ok(host);
    const weighed = await measureSpec(rig.context, host);
    const real = Buffer.byteLength(JSON.stringify(await buildSpec(rig.context, rig.admin.tenant, rig.host.id)));
    assert.ok(weighed >= real && weighed < real + 3000, `${weighed} for ${real}`);
  });

  it('refuses the source, the plan and the repository that would make it so, and stores nothing of them', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin } = rig;
    await addHeavy(rig, 'a');
    const b = await addHeavy(rig, 'b');
    await assert.rejects(addHeavy(rig, 'c'), { code: 'limit', message: /host db-1/ });
    assert.equal((await context.store.sources.listSourcesOfHost(admin.tenant, rig.host.id)).length, 4);
    const remote = await rig.addRepository('remote', 'rest');
    await createPlan(context, admin, { name: 'heavy', repository: remote.id, sources: [b.id] });
    const light = { paths: ['/b', '/c'] };
    const grown = { paths: [...heavy('b').paths, ...heavy('c').paths] };
    await assert.rejects(updateSource(context, admin, b.id, { config: grown }), { code: 'limit' });
    const filled = { ...heavy('b'), excludes: Array.from({ length: 12 }, () => 'y'.repeat(4000)) };
    await updateSource(context, admin, b.id, { config: filled });
    const config = { url: 'https://backup.example.com/remote/', caCert: 'z'.repeat(16_000) };
    await assert.rejects(updateRepository(context, admin, remote.id, { config }), { code: 'limit' });
    await updateSource(context, admin, b.id, { config: light });
    await updateRepository(context, admin, remote.id, { config });
  });

  it('may be made smaller step by step when it is so already', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin } = rig;
    const made = await addHeavy(rig, 'a');
    for (const mark of ['b', 'c', 'd'])
      await context.store.sources.insertSource({ ...made, id: context.createId('source'), name: mark, config: heavy(mark) });
    const smaller = { paths: heavy('a').paths.slice(1) };
    await updateSource(context, admin, made.id, { config: smaller });
    await assert.rejects(updateSource(context, admin, made.id, { config: heavy('a') }), { code: 'limit' });
  });
});

describe('A plan', () => {
  it('names only what exists, and a local folder for one host only', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin } = rig;
    const foreign = await rig.addDatabase(await rig.enrol('db-2'), 'other-shop');
    const base = { name: 'p', repository: rig.repository.id, sources: [rig.files.id] };
    for (const wrong of [
      { sources: [] },
      { sources: ['src_no' as never] },
      { repository: 'repo_no' as never },
      { sources: [rig.files.id, foreign.id] },
    ])
      await assert.rejects(createPlan(context, admin, { ...base, ...wrong }), { code: 'invalid' }, JSON.stringify(wrong));
    assert.equal((await createPlan(context, admin, { ...base, sources: [rig.files.id, rig.files.id] })).sources.length, 1);
  });

  it('has at most as many sources on a host as a run has parts, or the host would refuse its whole spec', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin, repository } = rig;
    const template = await context.store.sources.findSource(admin.tenant, rig.files.id);
    assert.ok(template);
    const sources = [];
    for (let n = 0; n <= RUNS.partsPerRun; n += 1) {
      const id = context.createId('source');
      await context.store.sources.insertSource({ ...template, id, name: `many-${n}` });
      sources.push(id);
    }
    await assert.rejects(createPlan(context, admin, { name: 'many', repository: repository.id, sources }), {
      code: 'invalid',
      message: /500/,
    });
    const plan = await createPlan(context, admin, { name: 'many', repository: repository.id, sources: sources.slice(1) });
    assert.equal(plan.sources.length, RUNS.partsPerRun);
    await readSpec(rig, rig.host.id);
  });

  it('owes nothing for the time before it was rescheduled, and keeps its past otherwise', async (t) => {
    const rig = await openCatalogRig(t);
    rig.clock.advance(1000);
    const renamed = await updatePlan(rig.context, rig.admin, rig.plan.id, { name: 'renamed' });
    assert.equal(renamed.effectiveFrom, rig.plan.effectiveFrom);
    const moved = await updatePlan(rig.context, rig.admin, rig.plan.id, { schedule: { cron: '0 3 * * *', zone: 'UTC' } });
    assert.equal(moved.effectiveFrom, rig.clock.now());
    await assert.rejects(updatePlan(rig.context, rig.admin, rig.plan.id, { name: 'late' }, 1), { code: 'conflict' });
  });

  it('runs once on each host that has sources of it', async (t) => {
    const rig = await openCatalogRig(t);
    const other = await rig.enrol('db-2');
    const foreign = await rig.addDatabase(other, 'other-shop');
    const remote = await rig.addRepository('remote', 'rest');
    const plan = await createPlan(rig.context, rig.admin, {
      name: 'both',
      repository: remote.id,
      sources: [rig.files.id, foreign.id],
    });
    const { runs } = await startPlan(rig.context, rig.operator, plan.id);
    assert.deepEqual(runs.map((run) => run.host).sort(), [rig.host.id, other.id].sort());
    const narrowed = await startPlan(rig.context, rig.operator, plan.id, [foreign.id]);
    assert.deepEqual(
      narrowed.runs.map((run) => run.host),
      [other.id],
    );
    await assert.rejects(startPlan(rig.context, rig.operator, plan.id, [rig.source.id]), { code: 'precondition' });
  });
});

describe('A new token for a host', () => {
  it('is not made while the host is away, so that nothing lies around', async (t) => {
    const rig = await openCatalogRig(t);
    await assert.rejects(rotateHostToken(rig.context, rig.admin, rig.host.id), { code: 'unavailable' });
    assert.equal(await rig.context.store.hosts.deleteHostTokens(rig.host.id), 1);
  });
});
