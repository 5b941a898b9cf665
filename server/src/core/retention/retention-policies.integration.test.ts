import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verifyDocument } from '@holdfast/shared/crypto/envelope.ts';
import type { HostId, PolicyId } from '@holdfast/shared/domain/ids.ts';
import { specSchema } from '@holdfast/shared/domain/plan.ts';
import { RETENTION_PRESETS, retentionRulesSchema } from '@holdfast/shared/domain/retention-policy.ts';
import { COUNTS, RUNS } from '@holdfast/shared/limits.ts';
import { type CatalogRig, openCatalogRig } from '../fixtures/catalog-rig.ts';
import { buildSpec } from '../hosts/spec.ts';
import { measureSpec } from '../hosts/spec-size.ts';
import { createPlan, updatePlan } from '../plans/plans.ts';
import { pinSnapshot, unpinSnapshot } from '../snapshots/pins.ts';
import { createPolicy, deletePolicy, getPolicy, listPolicies, updatePolicy } from './retention-policies.ts';
import { previewRetention } from './retention-preview.ts';

const STANDARD = 'pol_standard' as PolicyId;
const KEEP_TWO = retentionRulesSchema.parse({ kind: 'rules', last: 2 });
const HOUR = 3_600_000;

async function readSpec({ context, admin }: CatalogRig, host: HostId) {
  const issued = await buildSpec(context, admin.tenant, host);
  return specSchema.parse(verifyDocument(context.crypto, context.identity.publicKey, 'spec', issued));
}

const findPlan = async (rig: CatalogRig) =>
  (await readSpec(rig, rig.host.id)).plans.find(({ id }) => id === rig.plan.id) ?? assert.fail('the plan is not in the spec');

/** Backups of one source, an hour apart. */
async function backUp(rig: CatalogRig, count: number, state: 'succeeded' | 'partial' | 'failed' = 'succeeded') {
  const ids = [];
  for (let made = 0; made < count; made += 1) {
    rig.clock.advance(HOUR);
    ids.push(await rig.reportBackup(rig.source, rig.repository, state));
  }
  return ids;
}

describe('A retention policy', () => {
  it('is there from the start, and is made, changed and deleted by those who may manage plans', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, operator, viewer } = rig;
    const { name, policy: standard } = await getPolicy(context, viewer, STANDARD);
    assert.deepEqual([name, standard], [RETENTION_PRESETS[0]?.name, RETENTION_PRESETS[0]?.policy]);
    const made = await createPolicy(context, operator, { name: ' short ', description: 'for tests', policy: KEEP_TWO });
    assert.deepEqual([made.name, made.version, made.policy], ['short', 1, KEEP_TWO]);
    const changed = await updatePolicy(context, operator, made.id, { policy: { kind: 'everything' } }, 1);
    assert.deepEqual([changed.name, changed.description, changed.version], ['short', 'for tests', 2]);
    await assert.rejects(updatePolicy(context, operator, made.id, { name: 'x' }, 1), { code: 'conflict' });
    const listed = await listPolicies(context, viewer, {}, { limit: 10 });
    assert.deepEqual(
      listed.rows.map(({ id }) => id),
      [made.id, STANDARD],
    );
    await deletePolicy(context, operator, made.id);
    await assert.rejects(getPolicy(context, viewer, made.id), { code: 'not_found' });
    for (const act of [
      createPolicy(context, viewer, { name: 'x', policy: KEEP_TWO }),
      updatePolicy(context, viewer, STANDARD, { name: 'x' }),
      deletePolicy(context, viewer, STANDARD),
    ])
      await assert.rejects(act, { code: 'forbidden' });
    const audit = await context.store.trail.listAudit(rig.admin.tenant, { target: made.id }, { limit: 10 });
    assert.deepEqual(audit.rows.map(({ action }) => action).sort(), ['policy.created', 'policy.deleted', 'policy.updated']);
    assert.ok(rig.published.some((event) => event.kind === 'refresh' && event.topic === 'retention'));
  });

  it('refuses rules that keep nothing, a bad name and a description of two lines, each by its field', async (t) => {
    const { context, admin } = await openCatalogRig(t);
    const refusal = (field: string) => (error: unknown) =>
      (error as { code?: string }).code === 'invalid' &&
      Object.keys((error as { details: object }).details).includes(`field.${field}`);
    const none = { ...KEEP_TWO, last: 0 };
    await assert.rejects(createPolicy(context, admin, { name: 'none', policy: none }), refusal('policy.kind'));
    const young = { ...KEEP_TWO, minAgeHours: 100, maxAgeDays: 1 };
    await assert.rejects(createPolicy(context, admin, { name: 'none', policy: young }), refusal('policy.maxAgeDays'));
    await assert.rejects(createPolicy(context, admin, { name: '', policy: KEEP_TWO }), refusal('name'));
    await assert.rejects(
      createPolicy(context, admin, { name: 'x', description: 'a\nb', policy: KEEP_TWO }),
      refusal('description'),
    );
  });

  it('is limited in number', async (t) => {
    const { context, admin } = await openCatalogRig(t);
    const policy = await createPolicy(context, admin, { name: 'first', policy: KEEP_TWO });
    for (let made = 2; made < COUNTS.retentionPolicies; made += 1)
      await context.store.policies.insertPolicy({ ...policy, id: context.createId('policy'), name: `policy ${made}` });
    await assert.rejects(createPolicy(context, admin, { name: 'one more', policy: KEEP_TWO }), { code: 'limit' });
  });

  it('cannot be deleted while plans use it, and says which', async (t) => {
    const { context, admin, plan } = await openCatalogRig(t);
    await updatePlan(context, admin, plan.id, { retentionPolicy: STANDARD });
    await assert.rejects(deletePolicy(context, admin, STANDARD), { code: 'conflict', message: /is used by nightly;/ });
    await updatePlan(context, admin, plan.id, { retentionPolicy: null });
    await deletePolicy(context, admin, STANDARD);
  });
});

describe('The policy of a plan', () => {
  it('reaches its hosts with their settings, and each change of it does; without one nothing is said', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin, plan } = rig;
    assert.equal((await findPlan(rig)).retention, undefined);
    await assert.rejects(updatePlan(context, admin, plan.id, { retentionPolicy: 'pol_unknown' as PolicyId }), {
      code: 'invalid',
    });
    const policy = await createPolicy(context, admin, { name: 'two', policy: KEEP_TWO });
    await updatePlan(context, admin, plan.id, { retentionPolicy: policy.id });
    assert.deepEqual((await findPlan(rig)).retention, KEEP_TWO);
    const { version } = await readSpec(rig, rig.host.id);
    await updatePolicy(context, admin, policy.id, { name: 'the last two' });
    assert.equal((await readSpec(rig, rig.host.id)).version, version, 'a name is no business of hosts');
    const three = { ...KEEP_TWO, last: 3 };
    await updatePolicy(context, admin, policy.id, { policy: three });
    const after = await readSpec(rig, rig.host.id);
    assert.ok(after.version > version);
    assert.deepEqual(after.plans.find(({ id }) => id === plan.id)?.retention, three);
    await updatePlan(context, admin, plan.id, { name: 'renamed' });
    assert.deepEqual((await findPlan(rig)).retention, three, 'what is not named stays');
    await updatePlan(context, admin, plan.id, { retentionPolicy: null });
    assert.equal((await findPlan(rig)).retention, undefined);
  });
});

describe('A pin', () => {
  it('reaches the host that made the snapshot, stays through unpinning of others, and is in the audit', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, operator, viewer } = rig;
    const [first, second] = await backUp(rig, 2);
    assert.ok(first && second);
    const before = (await readSpec(rig, rig.host.id)).version;
    const pinned = await pinSnapshot(context, operator, first);
    assert.deepEqual([pinned.pinnedAt, pinned.pinnedBy], [rig.clock.now(), operator.actor.name]);
    await pinSnapshot(context, operator, second);
    await pinSnapshot(context, operator, second);
    await unpinSnapshot(context, operator, second);
    await unpinSnapshot(context, operator, second);
    assert.deepEqual((await findPlan(rig)).pinned, [pinned.engineId]);
    assert.equal((await readSpec(rig, rig.host.id)).version, before + 3);
    await assert.rejects(pinSnapshot(context, viewer, first), { code: 'forbidden' });
    await assert.rejects(unpinSnapshot(context, viewer, first), { code: 'forbidden' });
    const audit = await context.store.trail.listAudit(rig.admin.tenant, { target: second }, { limit: 10 });
    assert.deepEqual(audit.rows.map(({ action }) => action).sort(), ['snapshot.pinned', 'snapshot.unpinned']);
  });

  it('is refused above the limit of a plan, with a sentence that says what to do', async (t) => {
    const rig = await openCatalogRig(t);
    const ids = await backUp(rig, RUNS.pinnedPerPlan + 1);
    const last = ids.pop() ?? assert.fail('no backup');
    for (const id of ids) await pinSnapshot(rig.context, rig.admin, id);
    await assert.rejects(pinSnapshot(rig.context, rig.admin, last), {
      code: 'limit',
      message: /a plan may have 200 pinned snapshots.*unpin one/,
    });
    assert.equal((await findPlan(rig)).pinned?.length, RUNS.pinnedPerPlan);
  });
});

describe('What a host can be sent', () => {
  it('is measured with a new pin and with longer rules before they are stored', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin, plan } = rig;
    await updatePlan(context, admin, plan.id, { retentionPolicy: STANDARD });
    const host = (await context.store.hosts.findHost(admin.tenant, rig.host.id)) ?? assert.fail('no host');
    const now = await measureSpec(context, host);
    const pin = { host: host.id, plan: plan.id, engineId: 'a'.repeat(64) };
    assert.ok((await measureSpec(context, host, { pin })) >= now + 64);
    assert.equal(await measureSpec(context, host, { pin: { ...pin, host: 'host_other' as HostId } }), now);
    const standard = await getPolicy(context, admin, STANDARD);
    const longer = { ...standard, policy: { ...KEEP_TWO, maxTotalBytes: 10 ** 15, minAgeHours: 1000 } };
    assert.ok((await measureSpec(context, host, { policy: longer })) > now);
  });
});

describe('The preview of a plan’s retention', () => {
  const keepOne = retentionRulesSchema.parse({ kind: 'rules', last: 1 });
  const prepare = async (t: Parameters<typeof openCatalogRig>[0], policy = keepOne) => {
    const rig = await openCatalogRig(t);
    const made = await createPolicy(rig.context, rig.admin, { name: 'one', policy });
    await updatePlan(rig.context, rig.admin, rig.plan.id, { retentionPolicy: made.id });
    const preview = () => previewRetention(rig.context, rig.viewer, rig.plan.id);
    return { rig, preview };
  };

  it('is empty for a plan that keeps everything', async (t) => {
    const rig = await openCatalogRig(t);
    await backUp(rig, 3);
    assert.deepEqual((await previewRetention(rig.context, rig.viewer, rig.plan.id)).sources, []);
  });

  it('says of each backup what becomes of it, and that much at once waits for a person', async (t) => {
    const { rig, preview } = await prepare(t);
    const ids = await backUp(rig, 5);
    await pinSnapshot(rig.context, rig.admin, ids[0] ?? assert.fail('no backup'));
    const [source, ...others] = (await preview()).sources;
    assert.deepEqual(others, []);
    assert.deepEqual([source?.source, source?.host], [rig.source.id, rig.host.id]);
    assert.deepEqual([source?.kept, source?.removed, source?.needsPerson, source?.frozen], [3, 2, false, undefined]);
    assert.deepEqual(
      source?.backups.map(({ snapshot, decision }) => [snapshot.id, decision.verdict]),
      [
        [ids[4], 'keep'],
        [ids[3], 'keep'],
        [ids[2], 'remove'],
        [ids[1], 'remove'],
        [ids[0], 'keep'],
      ],
    );
    await unpinSnapshot(rig.context, rig.admin, ids[0] ?? assert.fail('no backup'));
    const [unpinned] = (await preview()).sources;
    assert.deepEqual([unpinned?.removed, unpinned?.needsPerson], [3, true]);
  });

  it('is frozen while the newest run on the host is not clean, and goes on after a clean one', async (t) => {
    const { rig, preview } = await prepare(t);
    await backUp(rig, 4);
    await backUp(rig, 1, 'partial');
    const [frozen] = (await preview()).sources;
    assert.deepEqual([frozen?.frozen, frozen?.removed], ['newest_run_not_clean', 0]);
    await backUp(rig, 1);
    const [open] = (await preview()).sources;
    assert.deepEqual([open?.frozen, open?.removed], [undefined, 4]);
  });

  it('is not for other tenants', async (t) => {
    const { rig } = await prepare(t);
    const stranger = { ...rig.viewer, tenant: 'ten_other' as typeof rig.viewer.tenant };
    await assert.rejects(previewRetention(rig.context, stranger, rig.plan.id), { code: 'not_found' });
  });

  it('has nothing of the policy of a new plan that was given none', async (t) => {
    const rig = await openCatalogRig(t);
    const plan = await createPlan(rig.context, rig.admin, {
      name: 'kept',
      repository: rig.repository.id,
      sources: [rig.files.id],
    });
    assert.equal(plan.retentionPolicy, undefined);
    assert.equal((await previewRetention(rig.context, rig.viewer, plan.id)).policy, undefined);
  });
});
