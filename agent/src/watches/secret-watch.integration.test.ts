/** A host that stops keeping secrets, with real restic and a real journal: nothing of them is found in its state directory any more. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { signDocument } from '@holdfast/shared/crypto/envelope.ts';
import { type SealedSecrets, type SealPurpose, sealFor } from '@holdfast/shared/crypto/sealed.ts';
import { DEFAULT_TENANT, type RunId, type SnapshotId } from '@holdfast/shared/domain/ids.ts';
import type { SecretsMode, Spec } from '@holdfast/shared/domain/plan.ts';
import { waitUntil } from '@holdfast/shared/fixtures/wait-for.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import { GENERATIONS } from '../engines/restic/fixtures/laboratory.ts';
import { createHandlers } from '../handlers/all.ts';
import { createExecutor, type Executor } from '../runs/executor.ts';
import { findEvent, openRunRig, PASSWORD, writeFolder } from '../runs/fixtures/run-rig.ts';
import { recoverRuns } from '../runs/recovery/recovery.ts';
import type { Workbench } from '../runs/workbench.ts';
import { createWorkbench } from '../workbench.ts';
import { createSecretWatch } from './secret-watch.ts';

const RESTIC = GENERATIONS[0]?.binary ?? '';

/** Every file below, the journal's companions among them. */
function listFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

async function openHost(t: TestContext) {
  const rig = await openRunRig(t, { restic: RESTIC });
  const stateDir = join(rig.dir, 'state');
  const { crypto, identity, credentials } = rig.tooling;
  const { journal } = rig.workbench;
  const keys = crypto.makeSigningKeys();
  const serverUrl = 'http://127.0.0.1:9';
  await credentials.save({ hostId: rig.spec.host, token: `hfa_${'7'.repeat(43)}`, serverKey: keys.publicKey, serverUrl });
  /** Every box that was ever sealed for this host. */
  const boxes: string[] = [];
  const seal = (purpose: SealPurpose, ref: string): SealedSecrets => {
    const binding = { host: rig.spec.host, purpose, ref, version: 1 };
    const sealed = sealFor(crypto, identity.sealing.publicKey, keys, binding, { password: PASSWORD });
    boxes.push(sealed.box);
    return sealed;
  };
  let spec: Spec | undefined;
  /** The agent, as far as secrets and runs go. */
  const start = (): { workbench: Workbench; executor: Executor; handlers: ReturnType<typeof createHandlers> } => {
    const workbench: Workbench = createWorkbench(rig.tooling, journal, () => undefined, { onSecretsChange: () => watch.look() });
    const executor = createExecutor({
      workbench,
      spec: () => spec,
      findHold: (job) => watch.findHold(job),
      onRepositoryUsed: () => undefined,
    });
    const watch = createSecretWatch({ workbench, spec: () => spec, onChange: () => executor.reconsider() });
    const onSpec = (next: Spec) => {
      spec = next;
      watch.adopt(next);
    };
    if (spec) watch.adopt(spec);
    t.after(async () => {
      executor.abortAll();
      await executor.drain();
      workbench.secrets.wipe();
    });
    return { workbench, executor, handlers: createHandlers({ workbench, executor, credentials, onSpec }) };
  };
  const agent = start();
  let version = 0;
  return {
    rig,
    agent,
    start,
    seal,
    /** What a server in this mode says of the host. */
    putSpec(mode: SecretsMode) {
      version += 1;
      const secrets = mode === 'kept' ? { secrets: seal('repository', rig.repository.id) } : { secretsApart: true };
      const { secrets: _, ...repository } = rig.repository;
      const next = {
        ...rig.spec,
        tenant: DEFAULT_TENANT,
        version,
        secretsMode: mode,
        repositories: [{ ...repository, ...secrets }],
      };
      return agent.handlers['spec.put']({ ...signDocument(crypto, keys, 'spec', next), version }, `req_spec${version}`);
    },
    putSecrets: (to = agent) => {
      const { id } = rig.repository;
      const item = { purpose: 'repository' as const, ref: id, version: 1, sealed: seal('repository', id) };
      return to.handlers['secrets.put']({ specVersion: version, items: [item] }, 'req_secrets');
    },
    /** Where the state directory shows a secret, sealed or not. */
    findTraces: () =>
      listFiles(stateDir).filter((file) => {
        const content = readFileSync(file, 'latin1');
        return [PASSWORD, ...boxes].some((secret) => content.includes(secret));
      }),
    startPlan(run = rig.workbench.createId('run')): RunId {
      const body = { run, plan: 'plan_of_the_rig', trigger: 'manual', requestedBy: 'ann', notAfter: Date.now() + 60_000 };
      agent.handlers['run.start'](body as RequestBody<'run.start'>, `order_${run}`);
      return run;
    },
    orderRestore(to: string, engineId: string): RequestBody<'restore.start'> {
      const run = rig.workbench.createId('run');
      const draft = { kind: 'local', config: rig.repository.config, secrets: seal('request', `${run}.repositories`) };
      return {
        run,
        snapshot: 'snap_1' as SnapshotId,
        engineId,
        sizeBytes: 1,
        source: { id: rig.spec.sources[0]?.id ?? ('src_none' as never), kind: 'files', config: {} },
        repository: { id: rig.repository.id, draft },
        target: { kind: 'directory', path: join(rig.dir, to) },
        trigger: 'manual',
        requestedBy: 'ann',
        notAfter: Date.now() + 60_000,
      };
    },
  };
}

const readLog = (events: readonly { type: string }[]): string =>
  events
    .flatMap((event) => (event.type === 'run.log' ? (event as unknown as { lines: { text: string }[] }).lines : []))
    .map((line) => line.text)
    .join('\n');

describe('A host that keeps no secrets', () => {
  it('waits for them, backs up and restores with what is in memory, and never writes any of it down', async (t) => {
    const host = await openHost(t);
    const { rig, agent } = host;
    rig.addFiles('etc', [writeFolder(join(rig.dir, 'etc'), { 'a.txt': 'content' })]);
    rig.plan();
    await rig.initRepository();

    host.putSpec('kept');
    const kept = await rig.awaitEnd(host.startPlan());
    assert.equal(findEvent(kept, 'run.finished').state, 'succeeded');
    const { engineId } = findEvent(kept, 'snapshot.made').snapshot;
    const early = host.orderRestore('early', engineId);
    agent.handlers['restore.start'](early, 'order_early');
    assert.equal(findEvent(await rig.awaitEnd(early.run), 'run.finished').state, 'succeeded');
    // Without this the rest would prove nothing.
    assert.ok(
      host.findTraces().some((file) => /journal\.db/.test(file)),
      'a host that keeps its secrets has them, sealed',
    );
    agent.executor.pause();
    const queued = host.orderRestore('queued', engineId);
    agent.handlers['restore.start'](queued, 'order_queued');

    const unwatch = rig.workbench.journal.outbox.watch(() => assert.deepEqual(host.findTraces(), []));
    t.after(unwatch);
    host.putSpec('just_in_time');
    assert.deepEqual(host.findTraces(), [], 'what was kept until now is gone from the file, also from closed and waiting runs');
    const story = JSON.stringify(rig.workbench.journal.runs.find(early.run)?.body);
    assert.ok(
      story.includes(early.snapshot ?? 'none') && story.includes('secretsApart'),
      'what has ended keeps the rest of its story',
    );
    agent.executor.resume();
    assert.equal(findEvent(await rig.awaitEnd(queued.run), 'run.finished').state, 'succeeded', 'it keeps its secrets in memory');

    const waiting = host.startPlan();
    await rig.awaitEvent((event) => event.type === 'run.log' && event.run === waiting);
    assert.match(readLog(rig.listEvents(waiting)), /^waits: this host keeps no secrets and waits for the server/);
    assert.deepEqual([agent.executor.active, agent.executor.waiting], [0, 1]);
    host.putSecrets();
    assert.equal(findEvent(await rig.awaitEnd(waiting), 'run.finished').state, 'succeeded');

    const late = host.orderRestore('late', engineId);
    agent.handlers['restore.start'](late, 'order_late');
    assert.equal(findEvent(await rig.awaitEnd(late.run), 'run.finished').state, 'succeeded');
    assert.deepEqual(host.findTraces(), []);
    assert.equal((await agent.workbench.secrets.find({ purpose: 'request', ref: `${late.run}.repositories` })) ?? 'gone', 'gone');
    host.putSpec('kept');
    assert.equal(agent.workbench.secrets.isHeld({ purpose: 'repository', ref: rig.repository.id }), false);
  });

  it('ends a run that waited for its plan’s grace as failed, before any script is called, and lets the next one wait', async (t) => {
    const host = await openHost(t);
    const { rig, agent } = host;
    rig.addFiles('etc', [writeFolder(join(rig.dir, 'etc'), { 'a.txt': 'content' })]);
    const plan = rig.plan(undefined, { graceMinutes: 5, attempts: 3, hooks: { before: 'never-there' } });
    host.putSpec('just_in_time');
    const begin = (fireAt: number) => {
      const run = rig.workbench.createId('run');
      agent.executor.recordScheduled(plan, run, { fireAt, trigger: 'schedule' })?.();
      return run;
    };
    const events = await rig.awaitEnd(begin(Date.now() - 6 * 60_000));
    await waitUntil('the end of the run', () => agent.executor.active === 0, { intervalMs: 1 });
    const { state, failure } = findEvent(events, 'run.finished');
    assert.deepEqual([state, failure?.reason], ['failed', 'secrets_missing']);
    assert.match(failure?.message ?? '', /did not bring the secrets of this plan within its grace/);
    begin(Date.now());
    assert.deepEqual([agent.executor.active, agent.executor.waiting], [0, 1]);
  });

  it('that starts anew goes on waiting; a restore it had queued says that its secrets are gone', async (t) => {
    const host = await openHost(t);
    const { rig, agent } = host;
    rig.addFiles('etc', [writeFolder(join(rig.dir, 'etc'), { 'a.txt': 'content' })]);
    rig.plan();
    await rig.initRepository();
    host.putSpec('just_in_time');
    const waiting = host.startPlan();
    agent.executor.pause();
    const restore = host.orderRestore('never', 'a'.repeat(64));
    agent.handlers['restore.start'](restore, 'order_restore');
    await agent.executor.drain();
    agent.workbench.secrets.wipe();

    const next = host.start();
    const { requeued } = await recoverRuns(next.workbench, next.executor, undefined);
    assert.equal(requeued, 2);
    const { failure } = findEvent(await rig.awaitEnd(restore.run), 'run.finished');
    assert.equal(failure?.reason, 'secrets_missing');
    assert.match(failure?.message ?? '', /secrets that came with this order are not on this host/);
    assert.equal(next.executor.waiting, 1);
    host.putSecrets(next);
    assert.equal(findEvent(await rig.awaitEnd(waiting), 'run.finished').state, 'succeeded');
    assert.deepEqual(host.findTraces(), []);
  });
});
