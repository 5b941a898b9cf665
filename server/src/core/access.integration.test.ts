import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AnnouncementId, EnrolmentTokenId, RunId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { listAudit } from './audit.ts';
import type { Caller } from './caller.ts';
import { type CatalogRig, ENGINE, openCatalogRig, SECRETS } from './fixtures/catalog-rig.ts';
import { factsOf } from './fixtures/core-rig.ts';
import { approveHost, createEnrolmentToken, deleteEnrolmentToken, listEnrolmentTokens } from './hosts/enrolment.ts';
import { chooseAgent, revokeHost, rotateHostToken, updateHost } from './hosts/hosts.ts';
import { rejectHost, takeBackRejection } from './hosts/pending-hosts.ts';
import { createPlan, deletePlan, updatePlan } from './plans/plans.ts';
import { removeAdminCredential, setAdminCredential } from './repositories/admin-credential.ts';
import { startCheck, startPrune } from './repositories/maintenance.ts';
import {
  createRepository,
  deleteRepository,
  initRepository,
  testRepository,
  updateRepository,
} from './repositories/repositories.ts';
import { startRestore } from './restores/restores.ts';
import { startForget } from './retention/forget.ts';
import { setRoutine } from './routine/routine.ts';
import { cancelRun, startPlan } from './runs/runs.ts';
import { adoptDiscovered } from './sources/adoption.ts';
import { createSource, deleteSource, discoverSources, testSource, updateSource } from './sources/sources.ts';

type Act = (rig: CatalogRig, caller: Caller) => Promise<unknown>;

const config = { ...ENGINE, database: 'other' };
const filesInput = { kind: 'files', config: { paths: ['/srv'] }, secrets: {} };

/** Everything that changes something or asks a host, and who may do it besides an administrator. */
const ACTS: Readonly<Record<string, { act: Act; operator: boolean }>> = {
  approveHost: {
    operator: false,
    act: ({ context }, caller) => approveHost(context, caller, 'ann_1' as AnnouncementId, { name: 'x', tags: [] }),
  },
  rejectHost: { operator: false, act: ({ context }, caller) => rejectHost(context, caller, 'ann_1' as AnnouncementId, 'no') },
  takeBackRejection: {
    operator: false,
    act: ({ context }, caller) => takeBackRejection(context, caller, 'ann_1' as AnnouncementId),
  },
  createEnrolmentToken: {
    operator: false,
    act: ({ context }, caller) => createEnrolmentToken(context, caller, { note: 'n', tags: [], paths: [], uses: 1, lifeMs: 1 }),
  },
  listEnrolmentTokens: { operator: false, act: ({ context }, caller) => listEnrolmentTokens(context, caller) },
  deleteEnrolmentToken: {
    operator: false,
    act: ({ context }, caller) => deleteEnrolmentToken(context, caller, 'enr_1' as EnrolmentTokenId),
  },
  updateHost: { operator: false, act: ({ context, host }, caller) => updateHost(context, caller, host.id, { name: 'db-x' }) },
  rotateHostToken: { operator: false, act: ({ context, host }, caller) => rotateHostToken(context, caller, host.id) },
  chooseAgent: { operator: false, act: ({ context, host }, caller) => chooseAgent(context, caller, host.id, 'boot-of-one') },
  revokeHost: { operator: false, act: ({ context, host }, caller) => revokeHost(context, caller, host.id) },
  createSource: {
    operator: true,
    act: ({ context, host }, caller) => createSource(context, caller, { host: host.id, name: 'srv', ...filesInput }),
  },
  updateSource: { operator: true, act: ({ context, source }, caller) => updateSource(context, caller, source.id, { name: 'y' }) },
  deleteSource: { operator: true, act: ({ context, source }, caller) => deleteSource(context, caller, source.id) },
  testSource: { operator: true, act: ({ context, source }, caller) => testSource(context, caller, { source: source.id }) },
  discoverSources: {
    operator: true,
    act: ({ context, source }, caller) => discoverSources(context, caller, { source: source.id }),
  },
  adoptDiscovered: {
    operator: true,
    act: ({ context, source }, caller) => adoptDiscovered(context, caller, { source: source.id }, [{ name: 'z', database: 'z' }]),
  },
  createRepository: {
    operator: true,
    act: ({ context }, caller) =>
      createRepository(context, caller, { name: 'r', kind: 'local', config: { path: '/r' }, secrets: { password: 'p' } }),
  },
  updateRepository: {
    operator: true,
    act: ({ context, repository }, caller) => updateRepository(context, caller, repository.id, { name: 'r2' }),
  },
  deleteRepository: {
    operator: true,
    act: ({ context, repository }, caller) => deleteRepository(context, caller, repository.id),
  },
  testRepository: {
    operator: true,
    act: ({ context, repository, host }, caller) => testRepository(context, caller, { repository: repository.id, host: host.id }),
  },
  initRepository: {
    operator: true,
    act: ({ context, repository, host }, caller) => initRepository(context, caller, { repository: repository.id, host: host.id }),
  },
  startCheck: {
    operator: true,
    act: ({ context, repository, host }, caller) =>
      startCheck(context, caller, repository.id, { host: host.id, scope: { kind: 'structure' } }),
  },
  startPrune: {
    operator: true,
    act: ({ context, repository, host }, caller) => startPrune(context, caller, repository.id, { host: host.id }),
  },
  setRoutine: {
    operator: true,
    act: ({ context, repository }, caller) => setRoutine(context, caller, repository.id, { kind: 'by_hand' }),
  },
  setAdminCredential: {
    operator: true,
    act: ({ context, repository }, caller) => setAdminCredential(context, caller, repository.id, { config: {}, secrets: {} }),
  },
  removeAdminCredential: {
    operator: true,
    act: ({ context, repository }, caller) => removeAdminCredential(context, caller, repository.id),
  },
  createPlan: {
    operator: true,
    act: ({ context, repository, files }, caller) =>
      createPlan(context, caller, { name: 'p', repository: repository.id, sources: [files.id] }),
  },
  updatePlan: { operator: true, act: ({ context, plan }, caller) => updatePlan(context, caller, plan.id, { enabled: false }) },
  deletePlan: { operator: true, act: ({ context, plan }, caller) => deletePlan(context, caller, plan.id) },
  startForget: {
    operator: true,
    act: ({ context, plan }, caller) => startForget(context, caller, plan.id, { isApproved: false }),
  },
  startPlan: { operator: true, act: ({ context, plan }, caller) => startPlan(context, caller, plan.id) },
  cancelRun: { operator: true, act: ({ context }, caller) => cancelRun(context, caller, 'run_1' as RunId) },
  listAudit: { operator: false, act: ({ context }, caller) => listAudit(context, caller, {}, { limit: 10 }) },
  startRestore: {
    operator: true,
    act: ({ context, host }, caller) =>
      startRestore(context, caller, { snapshot: 'snap_1' as never, host: host.id, target: { kind: 'directory', path: '/r' } }),
  },
};

const isForbidden = async (attempt: Promise<unknown>): Promise<boolean> => {
  try {
    await attempt;
    return false;
  } catch (error) {
    return error instanceof AppError && error.code === 'forbidden';
  }
};
const countAudit = async (rig: CatalogRig) =>
  (await rig.context.store.trail.listAudit(rig.admin.tenant, {}, { limit: 200 })).rows.length;

describe('A viewer', () => {
  it('is refused every act, and leaves no trace in the audit', async (t) => {
    const rig = await openCatalogRig(t);
    const before = await countAudit(rig);
    for (const [name, { act }] of Object.entries(ACTS)) assert.equal(await isForbidden(act(rig, rig.viewer)), true, name);
    assert.equal(await countAudit(rig), before);
    assert.deepEqual(rig.asked, []);
  });
});

describe('An operator', () => {
  it('may do what concerns backups, and nothing that lets hosts in or out', async (t) => {
    const rig = await openCatalogRig(t);
    for (const [name, { act, operator }] of Object.entries(ACTS))
      assert.equal(await isForbidden(act(rig, rig.operator)), !operator, name);
  });
});

describe('The audit', () => {
  it('has one row for each act, with who, what, to what and from where', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin, host } = rig;
    const able = { ...factsOf('db-1'), capabilities: ['forget.start', 'check.start', 'prune.start'] };
    await context.store.hosts.recordContact(host.id, { at: rig.clock.now(), facts: able });
    rig.connect(host.id, (type) => (type === 'repository.init' ? { engineId: 'e' } : { accepted: true }));
    const acts: [string, () => Promise<unknown>][] = [
      ['source.updated', () => updateSource(context, admin, rig.source.id, { config, secrets: { password: 'neues-geheimnis' } })],
      ['repository.updated', () => updateRepository(context, admin, rig.repository.id, { name: 'renamed' })],
      ['repository.initialised', () => initRepository(context, admin, { repository: rig.repository.id, host: host.id })],
      [
        'repository.check_started',
        () => startCheck(context, admin, rig.repository.id, { host: host.id, scope: { kind: 'structure' } }),
      ],
      ['repository.prune_started', () => startPrune(context, admin, rig.repository.id, { host: host.id, understood: true })],
      ['plan.updated', () => updatePlan(context, admin, rig.plan.id, { enabled: false })],
      ['plan.run_started', () => startPlan(context, admin, rig.plan.id)],
      ['plan.retention_started', () => startForget(context, admin, rig.plan.id, { isApproved: false })],
      ['plan.deleted', () => deletePlan(context, admin, rig.plan.id)],
      ['source.deleted', () => deleteSource(context, admin, rig.source.id)],
      ['host.updated', () => updateHost(context, admin, host.id, { name: 'db-x' })],
      ['host.token_rotated', () => rotateHostToken(context, admin, host.id)],
      ['host.revoked', () => revokeHost(context, admin, host.id)],
    ];
    for (const [action, act] of acts) {
      const before = await countAudit(rig);
      await act();
      const { rows } = await context.store.trail.listAudit(admin.tenant, {}, { limit: 200 });
      assert.equal(rows.length, before + 1, action);
      const row = rows.find((one) => one.action === action);
      assert.ok(row, action);
      assert.deepEqual([row.actor, row.address, row.at], [admin.actor, '127.0.0.1', rig.clock.now()]);
    }
    const all = JSON.stringify((await context.store.trail.listAudit(admin.tenant, {}, { limit: 200 })).rows);
    for (const secret of [...Object.values(SECRETS), 'neues-geheimnis', 'hfa_']) assert.ok(!all.includes(secret), secret);
    assert.match(all, /"secretsChanged":\["password"\]/);
  });
});

describe('Secrets', () => {
  it('lie nowhere in the clear: not in rows, orders, questions, live events or the log', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin, host, source, repository, plan } = rig;
    rig.connect(host.id, () => {
      throw new AppError('unavailable', 'no answer');
    });
    await assert.rejects(testSource(context, admin, { source: source.id }));
    await assert.rejects(testRepository(context, admin, { repository: repository.id, host: host.id }));
    await startPlan(context, admin, plan.id);
    const snapshot = await rig.reportBackup(source, repository, 'succeeded');
    const target = { kind: 'database' as const, source: source.id, database: 'restored' };
    await startRestore(context, admin, { snapshot, host: host.id, target });
    const seen = JSON.stringify([
      await context.store.sources.findSource(admin.tenant, source.id),
      await context.store.repositories.findRepository(admin.tenant, repository.id),
      await context.store.orders.listWaitingOrders(host.id, rig.clock.now()),
      rig.asked,
      rig.published,
      rig.logged,
    ]);
    assert.ok(rig.asked.length === 2 && seen.length > 1000);
    for (const secret of Object.values(SECRETS)) {
      assert.ok(!seen.includes(secret));
      assert.ok(!seen.includes(Buffer.from(secret).toString('base64').slice(0, -2)));
    }
  });
});
