import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { GENERATIONS, writeNoise } from '../../engines/restic/fixtures/laboratory.ts';
import { findEvent, openRunRig, outline, PASSWORD, writeFolder } from '../fixtures/run-rig.ts';

const CLEAN = [
  'run.created',
  'run.started',
  'preflight',
  'preflight ok',
  'preflight',
  'preflight ok',
  'store',
  'store ok',
  'evidence',
  'snapshot.made',
  'evidence ok',
  'part.finished',
  'run.finalizing',
  'run.finished',
];

for (const { version, binary } of GENERATIONS) {
  describe(`A backup run with restic ${version}`, () => {
    it('tells everything in order, once, and vouches for its snapshot', async (t) => {
      const rig = await openRunRig(t, { restic: binary });
      await rig.initRepository();
      const source = rig.addFiles('letters', [
        writeFolder(join(rig.dir, 'letters'), { 'a.txt': 'dear reader', 'b/c.txt': 'yours' }),
      ]);
      const events = await rig.runPlan();
      assert.deepEqual(outline(events), CLEAN);
      const end = findEvent(events, 'run.finished');
      assert.equal(end.state, 'succeeded');
      assert.equal(end.bytes, 16);
      assert.deepEqual(
        end.evidence.map((one) => [one.check, one.ok]),
        [
          ['exit_codes', true],
          ['size_floor', true],
          ['read_back', true],
        ],
      );
      const lines = events.flatMap((event) => (event.type === 'run.log' ? event.lines.map((line) => line.n) : []));
      assert.deepEqual(
        lines,
        Array.from({ length: end.logLines }, (_, index) => index + 1),
      );
      const made = findEvent(events, 'snapshot.made').snapshot;
      assert.deepEqual(
        (await rig.listSnapshots()).map((snapshot) => snapshot.engineId),
        [made.engineId],
      );
      const ledger = rig.workbench.journal.snapshots.listByRepository(rig.repository.id);
      assert.deepEqual(
        ledger.map((entry) => [entry.engineId, entry.source, entry.state]),
        [[made.engineId, source.id, 'vouched']],
      );
      assert.deepEqual(rig.workbench.journal.runs.listOpen(), []);
      assert.deepEqual(readdirSync(rig.tooling.workDirs.root), []);
    });

    it('is partial when one of its sources is missing, or a link of which nothing would be stored, and says which', async (t) => {
      const rig = await openRunRig(t, { restic: binary });
      await rig.initRepository();
      const good = rig.addFiles('good', [writeFolder(join(rig.dir, 'good'), { a: 'x' })]);
      const gone = rig.addFiles('gone', [join(rig.dir, 'gone')]);
      symlinkSync(join(rig.dir, 'good'), join(rig.dir, 'link'));
      mkdirSync(join(rig.dir, 'hollow'));
      const hollow = rig.addFiles('hollow', [join(rig.dir, 'good'), join(rig.dir, 'hollow')]);
      const linked = rig.addFiles('linked', [join(rig.dir, 'good'), join(rig.dir, 'link')]);
      const events = await rig.runPlan();
      const parts = events.flatMap((event) => (event.type === 'part.finished' ? [event.part] : []));
      assert.deepEqual(
        parts.map((part) => [part.source, part.state, part.failure?.reason]),
        [
          [good.id, 'succeeded', undefined],
          [gone.id, 'failed', 'source_missing'],
          [hollow.id, 'succeeded', undefined],
          [linked.id, 'failed', 'source_link'],
        ],
      );
      assert.deepEqual(
        parts.map(({ warnings }) => warnings.join()),
        ['', '', `${join(rig.dir, 'hollow')} is an empty directory: where a disk or share belongs there, mount it`, ''],
      );
      const end = findEvent(events, 'run.finished');
      assert.equal(end.state, 'partial');
      assert.match(end.failure?.message ?? '', /gone is not there/);
      assert.equal((await rig.listSnapshots()).length, 2);
    });

    it('fails below the floor of its source, and vouches for nothing', async (t) => {
      const rig = await openRunRig(t, { restic: binary });
      await rig.initRepository();
      const letters = rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { a: 'dear reader' })]);
      letters.config = { ...letters.config, floorBytes: 12 };
      const events = await rig.runPlan();
      const end = findEvent(events, 'run.finished');
      assert.deepEqual([end.state, end.failure?.reason], ['failed', 'size_below_floor']);
      assert.match(end.failure?.message ?? '', /has 11 bytes, but at least 12 are asked for/);
      const { evidence } = findEvent(events, 'snapshot.made').snapshot;
      assert.deepEqual(
        evidence.map((one) => [one.check, one.ok]),
        [
          ['exit_codes', true],
          ['size_floor', false],
          ['read_back', true],
        ],
      );
      const states = rig.workbench.journal.snapshots.listByRepository(rig.repository.id).map(({ state }) => state);
      assert.deepEqual(states, ['unvouched']);
      // One byte more is enough.
      writeFolder(join(rig.dir, 'letters'), { a: 'dear reader!' });
      assert.equal(findEvent(await rig.runPlan(), 'run.finished').state, 'succeeded');
    });

    it('stores nothing in another repository than the pinned one', async (t) => {
      const rig = await openRunRig(t, { restic: binary });
      await rig.initRepository();
      rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { a: 'x' })]);
      for (const repository of rig.spec.repositories) repository.pinnedId = 'f'.repeat(64);
      const end = findEvent(await rig.runPlan(), 'run.finished');
      assert.deepEqual([end.state, end.failure?.code], ['failed', 'integrity']);
      assert.equal((await rig.listSnapshots()).length, 0);
      assert.equal(readdirSync(join(rig.dir, 'repository/keys')).length, 1);
    });

    it('is not green where another repository comes to the address of the pinned one after that was opened', async (t) => {
      const rig = await openRunRig(t, { restic: binary });
      const pinnedId = await rig.initRepository();
      for (const repository of rig.spec.repositories) repository.pinnedId = pinnedId;
      rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { a: 'x' })]);
      const [place, other, away] = ['repository', 'other', 'away'].map((name) => join(rig.dir, name)) as [string, string, string];
      renameSync(place, away);
      await rig.initRepository();
      renameSync(place, other);
      renameSync(away, place);
      const run = rig.order();
      await rig.awaitEvent((event) => event.type === 'run.stage' && event.stage === 'preflight' && event.ok === true);
      renameSync(place, away);
      renameSync(other, place);
      const events = await rig.awaitEnd(run);
      const end = findEvent(events, 'run.finished');
      assert.deepEqual([end.state, end.failure?.reason], ['failed', 'repository_replaced']);
      assert.ok(!events.some(({ type }) => type === 'snapshot.made'));
      assert.equal(rig.workbench.journal.runs.listDead().length > 0, true, 'a lock may lie in the first one');
    });

    it('fails where there is no repository, and makes none', async (t) => {
      const rig = await openRunRig(t, { restic: binary });
      rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { a: 'x' })]);
      const end = findEvent(await rig.runPlan(), 'run.finished');
      assert.deepEqual([end.state, end.failure?.reason], ['failed', 'repository_missing']);
      assert.equal(existsSync(join(rig.dir, 'repository')), false);
    });

    it('fails with a wrong password, and no event holds a secret', async (t) => {
      const rig = await openRunRig(t, { restic: binary });
      await rig.initRepository();
      rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { a: PASSWORD, [`${PASSWORD}-wrong`]: 'x' })]);
      const [repository] = rig.spec.repositories;
      assert.ok(repository);
      const right = repository.secrets;
      repository.secrets = rig.seal('repository', repository.id, { password: `${PASSWORD}-wrong` });
      const events = await rig.runPlan();
      const end = findEvent(events, 'run.finished');
      assert.deepEqual([end.state, end.failure?.reason], ['failed', 'repository_password']);
      // A path that holds the secret is named in logs only behind the mask.
      repository.secrets = right;
      rig.addFiles('spoken', [join(rig.dir, `${PASSWORD}-gone`)]);
      events.push(...(await rig.runPlan()));
      assert.equal(JSON.stringify(events).includes(PASSWORD), false);
    });

    it('fails when its secrets were sealed for another host, or are older than the spec says', async (t) => {
      const rig = await openRunRig(t, { restic: binary });
      await rig.initRepository();
      rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { a: 'x' })]);
      const [repository] = rig.spec.repositories;
      assert.ok(repository);
      const fresh = repository.secrets;
      repository.secrets = rig.seal('repository', repository.id, { password: PASSWORD }, { host: 'host_somebody_else' });
      assert.equal(findEvent(await rig.runPlan(), 'run.finished').failure?.reason, 'secrets_unreadable');
      repository.secrets = fresh;
      repository.version = 2;
      assert.equal(findEvent(await rig.runPlan(), 'run.finished').failure?.reason, 'secrets_unreadable');
    });

    it('ends a source that left the spec while its run waited as failed, and backs up the others', async (t) => {
      const rig = await openRunRig(t, { restic: binary });
      await rig.initRepository();
      const stays = rig.addFiles('stays', [writeFolder(join(rig.dir, 'stays'), { a: 'x' })]);
      const leaves = rig.addFiles('leaves', [writeFolder(join(rig.dir, 'leaves'), { a: 'x' })]);
      const run = rig.order([stays.id, leaves.id]);
      rig.spec.sources = rig.spec.sources.filter((source) => source.id !== leaves.id);
      const events = await rig.awaitEnd(run);
      assert.equal(findEvent(events, 'run.finished').state, 'partial');
      const last = events.flatMap((event) => (event.type === 'part.finished' ? [event.part] : [])).at(-1);
      assert.deepEqual([last?.state, last?.failure?.code], ['failed', 'not_found']);
    });

    it('skips a source that an earlier run still reads', async (t) => {
      const rig = await openRunRig(t, { restic: binary });
      await rig.initRepository();
      rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { a: 'x' })]);
      const first = rig.order();
      const second = rig.order();
      const skipped = await rig.awaitEnd(second);
      assert.deepEqual(outline(skipped), ['run.created', 'part.finished', 'run.finished']);
      const end = findEvent(skipped, 'run.finished');
      assert.deepEqual([end.state, end.failure?.reason], ['skipped', 'overlap']);
      assert.equal(findEvent(await rig.awaitEnd(first), 'run.finished').state, 'succeeded');
      assert.equal((await rig.listSnapshots()).length, 1);
    });

    for (const stage of ['preflight', 'store', 'evidence'] as const) {
      it(`leaves nothing running and one end when it is cancelled as ${stage} begins`, async (t) => {
        const rig = await openRunRig(t, { restic: binary });
        await rig.initRepository();
        writeFolder(join(rig.dir, 'noise'), { small: 'x' });
        writeNoise(join(rig.dir, 'noise/big'), 64 * 1024 * 1024, 7);
        rig.addFiles('noise', [join(rig.dir, 'noise')]);
        const run = rig.order();
        await rig.awaitEvent((event) => event.type === 'run.stage' && event.run === run && event.stage === stage);
        assert.equal(rig.executor.cancel(run), true);
        const events = await rig.awaitEnd(run);
        await rig.executor.drain();
        assert.equal(events.filter((event) => event.type === 'run.finished').length, 1);
        assert.equal(findEvent(events, 'run.finished').state, 'cancelled');
        assert.deepEqual(rig.workbench.journal.runs.listProcesses(), []);
        assert.deepEqual(readdirSync(rig.tooling.workDirs.root), []);
        assert.deepEqual(readdirSync(join(rig.dir, 'repository/locks')), []);
        const states = rig.workbench.journal.snapshots.listByRepository(rig.repository.id);
        assert.equal(
          states.some((entry) => entry.state === 'vouched'),
          false,
        );
      });
    }
  });
}

describe('A backup run on a host without restic', () => {
  it('fails and says how to get it', async (t) => {
    const rig = await openRunRig(t);
    rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { a: 'x' })]);
    const end = findEvent(await rig.runPlan(), 'run.finished');
    assert.deepEqual([end.state, end.failure?.reason], ['failed', 'tool_missing']);
    assert.match(end.failure?.message ?? '', /restic/);
  });
});
