import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { RepositoryId, RunId } from '@holdfast/shared/domain/ids.ts';
import type { SpecRepository } from '@holdfast/shared/domain/plan.ts';
import { retentionPolicySchema } from '@holdfast/shared/domain/retention-policy.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { OrderedSnapshot } from '@holdfast/shared/protocol/snapshot-orders.ts';
import { GENERATIONS } from '../../engines/restic/fixtures/laboratory.ts';
import { makeQuickRepository } from '../../engines/restic/fixtures/quick-repository.ts';
import { writeLonelyRestic } from '../fixtures/fated-restic.ts';
import { holdExclusively } from '../fixtures/foreign-lock.ts';
import { findEvent, openRunRig, outline, PASSWORD, type RunRig, writeFolder } from '../fixtures/run-rig.ts';
import { prepareRepository, withWorkDir } from '../inputs.ts';
import type { JournaledCopy } from '../journaled-run.ts';
import { stripJournal } from '../secrets/secrets-apart.ts';

const LAST_TWO = retentionPolicySchema.parse({ kind: 'rules', last: 2 });
const SECOND_PASSWORD = `${PASSWORD} too`;

interface TwoPlaces {
  rig: RunRig;
  second: SpecRepository;
}

/** A host with a plan whose backups go to `dir/repository` and from there to `dir/second`. */
async function openTwo(t: TestContext, restic: string, speed = 1): Promise<TwoPlaces> {
  const rig = await openRunRig(t, { restic, speed });
  await rig.initRepository();
  const id = rig.workbench.createId('repository');
  const path = join(rig.dir, 'second');
  const pinnedId = makeQuickRepository(path, SECOND_PASSWORD);
  const secrets = rig.seal('repository', id, { password: SECOND_PASSWORD });
  const second: SpecRepository = { id, name: 'second', kind: 'local', config: { path }, secrets, version: 1, pinnedId };
  rig.spec.repositories.push(second);
  rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { a: 'dear reader', b: 'x'.repeat(50_000) })]);
  return { rig, second };
}

async function backUp({ rig, second }: TwoPlaces, retention?: typeof LAST_TWO): Promise<DurableEvent[]> {
  const plan = rig.plan();
  plan.copy = { repositoryId: second.id, ...(retention ? { retention } : {}) };
  const run = rig.workbench.createId('run');
  const notAfter = rig.workbench.clock.now() + 60_000;
  rig.executor.startPlan({ run, plan: plan.id, trigger: 'manual', requestedBy: 'ann', notAfter }, `order_${run}`);
  return rig.awaitEnd(run);
}

/** The run that follows by itself, to its end. */
async function awaitFollowing(
  rig: RunRig,
  kind: 'copy' | 'forget',
  repository: RepositoryId,
  count = 1,
): Promise<DurableEvent[]> {
  const list = () =>
    rig
      .listEvents()
      .flatMap((event) =>
        event.type === 'run.created' && event.kind === kind && event.repository === repository ? [event.run] : [],
      );
  await rig.awaitEvent(() => list().length >= count);
  return rig.awaitEnd(list()[count - 1] as RunId);
}

const list = (rig: RunRig, repository: SpecRepository) =>
  withWorkDir(rig.tooling, async (workDir) => {
    const { access } = prepareRepository(rig.tooling, repository, workDir);
    const listed = await rig.tooling.engine(rig.tooling.exec).listSnapshots({ access, workDir, tags: [] });
    return (listed.snapshots ?? []).map(({ engineId }) => engineId);
  });

function toOrdered(events: readonly DurableEvent[]): OrderedSnapshot {
  const { run, snapshot } = findEvent(events, 'snapshot.made');
  const { id, engineId, source, role, createdAt, sizeBytes } = snapshot;
  return { id, engineId, source, role, createdAt, sizeBytes, run };
}

function order({ rig }: TwoPlaces, snapshots: OrderedSnapshot[], repository: SpecRepository = rig.repository) {
  const run = rig.workbench.createId('run');
  const password = repository.id === rig.repository.id ? PASSWORD : SECOND_PASSWORD;
  const secrets = rig.seal('request', `${run}.repositories`, { password });
  const { id, kind, config } = repository;
  const notAfter = rig.workbench.clock.now() + 60_000;
  const terms = { trigger: 'manual', requestedBy: 'ann', notAfter } as const;
  return { run, repository: { id, draft: { kind, config, secrets } }, snapshots, ...terms };
}

const readLines = (events: readonly DurableEvent[]) =>
  events.flatMap((event) => (event.type === 'run.log' ? event.lines.map(({ text }) => text) : [])).join('\n');

function flipByte(repository: string): void {
  const packs = readdirSync(join(repository, 'data'), { recursive: true, encoding: 'utf8' })
    .map((name) => join(repository, 'data', name))
    .filter((path) => statSync(path).isFile());
  for (const path of packs) {
    const bytes = readFileSync(path);
    bytes[10] = (bytes[10] ?? 0) ^ 0xff;
    writeFileSync(path, bytes);
  }
}

for (const { version, binary } of GENERATIONS)
  describe(`Snapshots by name with restic ${version}`, () => {
    it('a clean backup is copied by the host alone, the copy restores without the first repository, and has its own retention', async (t) => {
      const two = await openTwo(t, binary);
      const { rig, second } = two;
      const backup = await backUp(two);
      const copy = await awaitFollowing(rig, 'copy', second.id);
      assert.deepEqual(outline(copy), [
        'run.created',
        'run.started',
        'preflight',
        'preflight ok',
        'copy',
        'snapshot.copied',
        'copy ok',
        'run.finalizing',
        'run.finished',
      ]);
      const original = findEvent(backup, 'snapshot.made');
      const created = findEvent(copy, 'run.created');
      assert.deepEqual([created.trigger, created.follows, created.from], ['follow_up', original.run, rig.repository.id]);
      const copied = findEvent(copy, 'snapshot.copied');
      assert.equal(copied.of, original.snapshot.id);
      assert.ok(copied.snapshot.evidence.every(({ ok }) => ok));

      const target = join(rig.dir, 'restored');
      mkdirSync(target);
      renameSync(join(rig.dir, 'repository'), join(rig.dir, 'away'));
      const restored = await withWorkDir(rig.tooling, (workDir) => {
        const { access } = prepareRepository(rig.tooling, second, workDir);
        const engine = rig.tooling.engine(rig.tooling.exec);
        return engine.restoreTree({ access, workDir, snapshotId: copied.snapshot.engineId, target, stallMs: 60_000 });
      });
      assert.equal(restored.failure, undefined);
      assert.equal(readFileSync(join(target, rig.dir, 'letters/a'), 'utf8'), 'dear reader');
      const run = rig.workbench.createId('run');
      const ordered = (repository: SpecRepository, ref: string, password: string) => {
        const { id, kind, config, pinnedId } = repository;
        return { id, draft: { kind, config, secrets: rig.seal('request', ref, { password }) }, pinnedId };
      };
      const placesOf = (restore: typeof run) => ({
        run: restore,
        repository: ordered(rig.repository, `${restore}.repositories`, PASSWORD),
        second: { engineId: copied.snapshot.engineId, repository: ordered(second, `${restore}.second`, SECOND_PASSWORD) },
      });
      const [source] = rig.spec.sources;
      assert.ok(source);
      const elsewhere = join(rig.dir, 'by itself');
      const body = {
        ...placesOf(run),
        snapshot: original.snapshot.id,
        engineId: original.snapshot.engineId,
        sizeBytes: original.snapshot.sizeBytes,
        source: { id: source.id, kind: source.kind, config: source.config },
        target: { kind: 'directory', path: elsewhere },
        trigger: 'manual',
        requestedBy: 'ann',
        notAfter: rig.workbench.clock.now() + 60_000,
      } as const;
      rig.executor.startRestore(body, 'order_restore');
      assert.equal(findEvent(await rig.awaitEnd(run), 'run.finished').state, 'succeeded');
      assert.equal(readFileSync(join(elsewhere, rig.dir, 'letters/a'), 'utf8'), 'dear reader');

      // In place: what is replaced is backed up where the copy lies, because the first repository cannot be written either.
      const letter = join(rig.dir, 'letters/a');
      writeFileSync(letter, 'scribbled over');
      const inPlace = rig.workbench.createId('run');
      rig.executor.startRestore(
        { ...body, ...placesOf(inPlace), target: { kind: 'in_place', paths: [letter] } },
        'order_in_place',
      );
      const replaced = findEvent(await rig.awaitEnd(inPlace), 'run.finished');
      assert.equal(replaced.state, 'succeeded', replaced.failure?.message ?? '');
      assert.equal(readFileSync(letter, 'utf8'), 'dear reader');
      const safety = replaced.evidence.find(({ check }) => check === 'safety_backup');
      const backedUp = /run_[A-Za-z0-9_-]+/.exec(safety?.seen ?? '')?.[0] ?? '';
      const kept = findEvent(rig.listEvents(backedUp as RunId), 'run.created');
      assert.equal(kept.repository, second.id);
      assert.equal((await list(rig, second)).length, 2);
      renameSync(join(rig.dir, 'away'), join(rig.dir, 'repository'));

      await backUp(two);
      const again = await awaitFollowing(rig, 'copy', second.id, 2);
      assert.equal(again.filter(({ type }) => type === 'snapshot.copied').length, 1, 'only what is new is copied');
      await backUp(two, LAST_TWO);
      const forgotten = await awaitFollowing(rig, 'forget', second.id);
      assert.deepEqual(
        findEvent(forgotten, 'snapshots.removed').snapshots.map(({ engineId }) => engineId),
        [copied.snapshot.engineId],
      );
      assert.deepEqual([(await list(rig, rig.repository)).length, (await list(rig, second)).length], [3, 3]);
    });
  });

const newest = GENERATIONS.at(-1);
if (!newest) throw new Error('no restic to test with');

describe('Snapshots by name', () => {
  it('a second repository that is away fails the copy alone, and the next copy brings what is missing', async (t) => {
    const two = await openTwo(t, newest.binary);
    const { rig, second } = two;
    await backUp(two);
    await awaitFollowing(rig, 'copy', second.id);
    renameSync(join(rig.dir, 'second'), join(rig.dir, 'away'));
    assert.equal(findEvent(await backUp(two), 'run.finished').state, 'succeeded');
    const failed = findEvent(await awaitFollowing(rig, 'copy', second.id, 2), 'run.finished');
    assert.deepEqual([failed.state, failed.failure?.reason], ['failed', 'repository_missing']);
    renameSync(join(rig.dir, 'away'), join(rig.dir, 'second'));
    await backUp(two);
    const caughtUp = await awaitFollowing(rig, 'copy', second.id, 3);
    assert.equal(caughtUp.filter(({ type }) => type === 'snapshot.copied').length, 2);
    assert.equal((await list(rig, second)).length, 3);
  });

  it('a copy waits, and looks without trying, until others let go of the second repository', async (t) => {
    const two = await openTwo(t, newest.binary, 600);
    const { rig, second } = two;
    const place = { folder: 'second', password: SECOND_PASSWORD };
    const holder = await holdExclusively(t, rig, newest.binary, place);
    const made = toOrdered(await backUp(two));
    const says = (words: RegExp) => (event: DurableEvent) =>
      event.type === 'run.log' && event.lines.some(({ text }) => words.test(text));
    await rig.awaitEvent(says(/^waits until others let go of the repository$/));
    await rig.awaitEvent(says(/^waits: the repository is held by \S+ on \S+, process \d+$/));

    const run = rig.workbench.createId('run');
    const lockWait = { count: 1, since: 0, state: 'given_up' } as const;
    const body: JournaledCopy = {
      kind: 'copy',
      from: rig.repository.id,
      repository: second.id,
      snapshots: [made],
      lockWait,
      started: false,
    };
    rig.workbench.journal.runs.record({ run, kind: 'copy', body });
    rig.executor.enqueueAgain(run, body);
    const givenUp = findEvent(await rig.awaitEnd(run), 'run.finished');
    assert.deepEqual([givenUp.state, givenUp.failure?.reason], ['failed', 'repository_locked'], 'who waited long enough fails');

    await holder.release();
    const events = await awaitFollowing(rig, 'copy', second.id);
    assert.equal(findEvent(events, 'run.finished').state, 'succeeded');
    assert.equal(outline(events).filter((one) => one === 'copy').length, 2, 'tried twice, however often it looked');
    assert.equal((await list(rig, second)).length, 1);
  });

  it('a backup that ends while a copy is under way is copied after it', async (t) => {
    const two = await openTwo(t, newest.binary);
    const { rig, second } = two;
    rig.spec.concurrency = 1;
    const one = backUp(two);
    await rig.awaitEvent(({ type }) => type === 'run.started');
    // What follows waits, and a backup goes first.
    rig.executor.pause();
    await one;
    const other = backUp(two);
    rig.executor.resume();
    const made = [await one, await other].map((events) => findEvent(events, 'snapshot.made').snapshot.id);
    const copies = [await awaitFollowing(rig, 'copy', second.id), await awaitFollowing(rig, 'copy', second.id, 2)];
    assert.deepEqual(
      copies.map((events) => events.flatMap((event) => (event.type === 'snapshot.copied' ? [event.of] : []))),
      made.map((id) => [id]),
    );
    const [before, after] = copies.map((events) => findEvent(events, 'run.created'));
    assert.equal(after?.follows, before?.run);
  });

  it('reads a snapshot whole on demand and names the damage of one flipped byte; deletes what is asked, and nothing pinned', async (t) => {
    const two = await openTwo(t, newest.binary);
    const { rig } = two;
    const [first, last] = [toOrdered(await rig.runPlan()), toOrdered(await rig.runPlan())];
    const whole = order(two, [first, last]);
    rig.executor.startSnapshots({ kind: 'verify', order: whole }, 'order_verify');
    assert.deepEqual(rig.executor.startSnapshots({ kind: 'verify', order: whole }, 'order_verify'), { run: whole.run });
    const read = await rig.awaitEnd(whole.run);
    assert.equal(findEvent(read, 'run.finished').state, 'succeeded');
    const verdicts = read.flatMap((event) => (event.type === 'snapshot.verified' ? [event] : []));
    assert.deepEqual(
      verdicts.map(({ snapshot, ok, bytes }) => [snapshot, ok, bytes]),
      [first, last].map(({ id }) => [id, true, 50_011]),
    );

    const plan = rig.plan();
    plan.pinned = [first.engineId];
    const remove = { ...order(two, [first]), isAdmin: false };
    rig.executor.startSnapshots({ kind: 'delete_snapshot', order: remove }, 'order_pinned');
    const refused = findEvent(await rig.awaitEnd(remove.run), 'run.finished');
    assert.deepEqual([refused.state, refused.failure?.reason], ['failed', 'target_refused']);
    assert.equal((await list(rig, rig.repository)).length, 2);
    plan.pinned = [];
    const unpinned = { ...order(two, [first]), isAdmin: true };
    rig.executor.startSnapshots({ kind: 'delete_snapshot', order: unpinned }, 'order_delete');
    const removed = await rig.awaitEnd(unpinned.run);
    assert.deepEqual(findEvent(removed, 'snapshots.removed').snapshots, [{ engineId: first.engineId, why: 'deleted by ann' }]);
    assert.deepEqual(await list(rig, rig.repository), [last.engineId]);
    const journaled = JSON.stringify(rig.workbench.journal.runs.find(unpinned.run)?.body);
    assert.doesNotMatch(journaled, /"box"/u, 'the admin credential is not written down');

    flipByte(join(rig.dir, 'repository'));
    const damaged = order(two, [last]);
    rig.executor.startSnapshots({ kind: 'verify', order: damaged }, 'order_damaged');
    const events = await rig.awaitEnd(damaged.run);
    const end = findEvent(events, 'run.finished');
    assert.deepEqual([end.state, end.failure?.reason], ['failed', 'repository_damaged']);
    assert.equal(findEvent(events, 'snapshot.verified').ok, false);
  });

  it('a deletion whose repository does not answer is tried again until it does, and can be cancelled meanwhile', async (t) => {
    const { binary, leaveAlone } = writeLonelyRestic(t, newest.binary);
    const two = await openTwo(t, binary, 10_000);
    const { rig } = two;
    const [first, last] = [toOrdered(await rig.runPlan()), toOrdered(await rig.runPlan())];
    leaveAlone(10);
    const remove = { ...order(two, [first]), isAdmin: false };
    rig.executor.startSnapshots({ kind: 'delete_snapshot', order: remove }, 'order_lonely');
    const events = await rig.awaitEnd(remove.run);
    assert.equal(findEvent(events, 'run.finished').state, 'succeeded', readLines(events));
    assert.match(readLines(events), /trying again in 1 min[\s\S]*trying again in 2 min/);
    assert.deepEqual(await list(rig, rig.repository), [last.engineId]);

    leaveAlone(1000);
    const other = { ...order(two, [last]), isAdmin: false };
    rig.executor.startSnapshots({ kind: 'delete_snapshot', order: other }, 'order_cancelled');
    await rig.awaitEvent(
      (event) => event.type === 'run.log' && event.run === other.run && readLines([event]).includes('trying again'),
    );
    rig.executor.cancel(other.run);
    assert.equal(findEvent(await rig.awaitEnd(other.run), 'run.finished').state, 'cancelled');
  });

  it('what another host made is read and copied by its name, and nothing of it enters the ledger of this host', async (t) => {
    const two = await openTwo(t, newest.binary);
    const { rig, second } = two;
    const backup = await rig.runPlan();
    const snapshot = { ...toOrdered(backup), plan: rig.plan().id, madeBy: 'db-9' };
    const read = order(two, [snapshot]);
    rig.executor.startSnapshots({ kind: 'verify', order: read }, 'order_read');
    const log = JSON.stringify(await rig.awaitEnd(read.run));
    assert.match(log, /reads snapshot [0-9a-f]{8}, made by db-9, to its end/u);
    const terms = order(two, [snapshot], second);
    const { id, kind, config } = rig.repository;
    const secrets = rig.seal('request', `${terms.run}.from`, { password: PASSWORD });
    const copy = { ...terms, from: { id, draft: { kind, config, secrets } } };
    rig.executor.startSnapshots({ kind: 'copy', order: copy }, 'order_copy');
    const events = await rig.awaitEnd(copy.run);
    assert.equal(findEvent(events, 'run.finished').state, 'succeeded');
    const { snapshot: made, of } = findEvent(events, 'snapshot.copied');
    assert.deepEqual([of, (await list(rig, second)).includes(made.engineId)], [snapshot.id, true]);
    assert.deepEqual(rig.workbench.journal.snapshots.listByRepository(second.id), []);
    const gone = { ...order(two, [{ ...snapshot, engineId: made.engineId }], second), isAdmin: false };
    rig.executor.startSnapshots({ kind: 'delete_snapshot', order: gone }, 'order_gone');
    const { source, snapshots } = findEvent(await rig.awaitEnd(gone.run), 'snapshots.removed');
    assert.deepEqual([source, snapshots.map(({ engineId }) => engineId)], [snapshot.source, [made.engineId]]);
    assert.deepEqual(await list(rig, second), []);
  });

  it('an ordered copy and a reading keep no secrets in the journal of a host that is to keep none, and are carried out', async (t) => {
    const two = await openTwo(t, newest.binary);
    const { rig, second } = two;
    const snapshot = toOrdered(await rig.runPlan());
    rig.executor.pause();
    const read = order(two, [snapshot]);
    const { id, kind, config } = rig.repository;
    const terms = order(two, [snapshot], second);
    const secrets = rig.seal('request', `${terms.run}.from`, { password: PASSWORD });
    const copy = { ...terms, from: { id, draft: { kind, config, secrets } } };
    rig.executor.startSnapshots({ kind: 'verify', order: read }, 'order_read');
    rig.executor.startSnapshots({ kind: 'copy', order: copy }, 'order_copy');
    const journaled = () => [read.run, copy.run].map((one) => JSON.stringify(rig.workbench.journal.runs.find(one)?.body));
    for (const body of journaled()) assert.match(body, /"box"/u);
    stripJournal(rig.workbench);
    for (const body of journaled()) assert.doesNotMatch(body, /"box"/u);
    rig.executor.resume();
    for (const one of [read.run, copy.run]) assert.equal(findEvent(await rig.awaitEnd(one), 'run.finished').state, 'succeeded');
    assert.equal((await list(rig, second)).length, 1);
  });
});
