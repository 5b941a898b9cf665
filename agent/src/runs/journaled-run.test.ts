import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sealFor } from '@holdfast/shared/crypto/sealed.ts';
import type { RepositoryId, RunId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import { type AgentRig, HOST, openAgentRig } from '../session/fixtures/agent-rig.ts';
import { journaledRunSchema } from './journaled-run.ts';
import { recoverRuns } from './recovery/recovery.ts';

const RUN = 'run_1' as RunId;
const SECRET = 'canary-7f3a';

const BACKUP = {
  kind: 'backup',
  plan: 'plan_1',
  repository: 'repo_1',
  sources: ['src_1', 'src_2'],
  trigger: 'schedule',
  overlapping: ['src_2'],
  started: true,
  attempt: 1,
  ended: [{ source: 'src_1', state: 'succeeded' }],
};

function createOrder(rig: AgentRig): RequestBody<'restore.start'> {
  const { identity } = rig.workbench;
  const binding = { host: HOST, purpose: 'request', ref: `${RUN}.repositories`, version: 1 } as const;
  const secrets = sealFor(rig.crypto, identity.sealing.publicKey, rig.serverKeys, binding, { password: SECRET });
  return {
    run: RUN,
    snapshot: 'snap_1' as SnapshotId,
    engineId: 'a'.repeat(64),
    sizeBytes: 1,
    source: { id: 'src_1' as SourceId, kind: 'files', config: { paths: ['/srv'] } },
    repository: { id: 'repo_1' as RepositoryId, draft: { kind: 'local', config: { path: '/backup' }, secrets } },
    target: { kind: 'directory', path: '/restore' },
    trigger: 'manual',
    requestedBy: 'ann',
    notAfter: rig.clock.now() + 60_000,
  };
}

describe('What the journal keeps of a run', () => {
  it('comes back as it was written, for a backup and for a restore', async (t) => {
    const rig = await openAgentRig(t);
    const restore = { kind: 'restore', order: createOrder(rig), started: false };
    for (const [index, body] of [BACKUP, restore].entries()) {
      const run = `run_kept_${index}` as RunId;
      rig.journal.runs.record({ run, kind: index === 0 ? 'backup' : 'restore', body });
      assert.deepEqual(journaledRunSchema.parse(rig.journal.runs.find(run)?.body), body);
    }
  });

  it('is refused when it is of another kind, not whole, or holds what is no id or state', () => {
    const broken: object[] = [
      { ...BACKUP, kind: 'prune' },
      { ...BACKUP, sources: [] },
      { ...BACKUP, sources: ['../../etc'] },
      { ...BACKUP, repository: 'src_1' },
      { ...BACKUP, trigger: 'whim' },
      { ...BACKUP, started: 'yes' },
      { ...BACKUP, ended: [{ source: 'src_1', state: 'running' }] },
      { kind: 'restore', started: true },
      { kind: 'restore', started: true, order: { ...BACKUP } },
    ];
    for (const key of Object.keys(BACKUP))
      broken.push(Object.fromEntries(Object.entries(BACKUP).filter(([name]) => name !== key)));
    for (const body of broken) assert.equal(journaledRunSchema.safeParse(body).success, false, JSON.stringify(body));
  });

  it('of an order to restore holds its secrets only sealed', async (t) => {
    const rig = await openAgentRig(t);
    await rig.trust('http://127.0.0.1:1');
    rig.executor.startRestore(createOrder(rig), 'req_1');
    await rig.executor.drain();
    const kept = JSON.stringify(rig.journal.runs.find(RUN)?.body);
    assert.match(kept, /"secrets":\{/);
    assert.equal(kept.includes(SECRET), false);
    assert.equal(kept.includes(Buffer.from(SECRET).toString('base64url')), false);
  });

  it('ends as failed, once, when a newer or broken agent left it unreadable', async (t) => {
    const rig = await openAgentRig(t);
    rig.journal.runs.record({ run: RUN, kind: 'backup', body: { ...BACKUP, kind: 'from the future' } });
    assert.equal((await recoverRuns(rig.workbench, rig.executor, undefined)).interrupted, 1);
    const ends = () =>
      rig.journal.outbox
        .read(0, 1000, 1e9)
        .flatMap(({ event }) => (event.type === 'run.finished' ? [[event.run, event.state, event.failure?.code]] : []));
    assert.deepEqual(ends(), [[RUN, 'failed', 'internal']]);
    assert.deepEqual(rig.journal.runs.listOpen(), []);
    assert.equal((await recoverRuns(rig.workbench, rig.executor, undefined)).interrupted, 0);
    assert.equal(ends().length, 1);
  });

  it('is carried out after a restart when it only waited, and ends as interrupted when it ran', async (t) => {
    const rig = await openAgentRig(t);
    await rig.trust('http://127.0.0.1:1');
    const waited = { ...createOrder(rig), run: 'run_waited' as RunId };
    rig.journal.runs.record({ run: waited.run, kind: 'restore', body: { kind: 'restore', order: waited, started: false } });
    rig.journal.runs.record({ run: RUN, kind: 'restore', body: { kind: 'restore', order: createOrder(rig), started: true } });
    const { interrupted, requeued, repositories } = await recoverRuns(rig.workbench, rig.executor, undefined);
    assert.deepEqual([interrupted, requeued, [...repositories]], [1, 1, ['repo_1']]);
    await rig.executor.drain();
    const ends = rig.journal.outbox
      .read(0, 1000, 1e9)
      .flatMap(({ event }) => (event.type === 'run.finished' ? [[event.run, event.failure?.reason]] : []));
    // Begun again, it got as far as its secrets, which were sealed for the other run. Nothing pauses this executor, so the order is any.
    assert.deepEqual(ends.toSorted(), [
      [RUN, 'interrupted'],
      ['run_waited', 'secrets_unreadable'],
    ]);
  });
});
