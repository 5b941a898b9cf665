import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SnapshotId } from '@holdfast/shared/domain/ids.ts';
import type { RestoreTarget } from '@holdfast/shared/protocol/events.ts';
import { readBootId } from '../../../exec/proc.ts';
import { createOrder, type RestoreOrder, readEnd, readLog } from '../../../handlers/fixtures/restore-orders.ts';
import { findEvent, openRunRig } from '../../fixtures/run-rig.ts';
import type { HalfRestored, JournaledRestore } from '../../journaled-run.ts';
import { recoverRuns } from '../../recovery/recovery.ts';
import { nameStaging } from './restore-staging.ts';

const MADE = { id: 'snap_any' as SnapshotId, engineId: 'a'.repeat(64), sizeBytes: 7 };
const PLACING: HalfRestored = { made: [], placing: { files: 3, bytes: 21 } };

test('A restore of files whose agent was killed', async (t) => {
  const rig = await openRunRig(t, { restic: '/usr/bin/restic' });
  const source = rig.addFiles('letters', [join(rig.dir, 'srv')]);

  /** What the killed agent had journaled, and what had been staged in `directory`; then the agent starts again. */
  const recover = async (target: RestoreTarget, directory: string, staged: readonly string[], half?: HalfRestored) => {
    const order: RestoreOrder = { ...createOrder(rig, source, MADE, { directory: '/unused' }), target };
    const body: JournaledRestore = { kind: 'restore', order, started: true, ...(half ? { half } : {}) };
    rig.workbench.journal.runs.record({ run: order.run, kind: 'restore', body });
    const staging = join(directory, nameStaging(order.run));
    for (const name of staged) {
      mkdirSync(join(staging, name, '..'), { recursive: true });
      writeFileSync(join(staging, name), `restored ${name}`);
    }
    await recoverRuns(rig.workbench, rig.executor, undefined);
    assert.equal(existsSync(staging), false, 'nothing private is left');
    const events = rig.listEvents(order.run);
    assert.deepEqual(rig.workbench.journal.runs.listOpen(), []);
    assert.deepEqual(rig.workbench.journal.runs.listClosedWith('restore', 'half'), []);
    return { events, ...readEnd(events), log: readLog(events) };
  };
  const makeTarget = (name: string, files: readonly string[] = []) => {
    const path = join(rig.dir, name);
    mkdirSync(path, { recursive: true });
    for (const file of files) {
      mkdirSync(join(path, file, '..'), { recursive: true });
      writeFileSync(join(path, file), `restored ${file}`);
    }
    return path;
  };

  await t.test('while they were written into a new directory leaves nothing there, and failed', async () => {
    const path = makeTarget('written');
    const { state, reason, log } = await recover({ kind: 'directory', path }, path, ['etc/a', 'srv/half']);
    assert.deepEqual([state, reason], ['failed', 'interrupted']);
    assert.deepEqual(readdirSync(path), []);
    assert.match(log, /removed what was not yet in place/);
  });

  await t.test('while they took their place in a new directory lets the others follow, and succeeded', async () => {
    const path = makeTarget('placed', ['etc/a']);
    const { state, events, log } = await recover({ kind: 'directory', path }, path, ['srv/b', 'var/c'], PLACING);
    assert.equal(state, 'succeeded', log);
    assert.deepEqual(readdirSync(path).sort(), ['etc', 'srv', 'var']);
    assert.equal(readFileSync(join(path, 'var/c'), 'utf8'), 'restored var/c');
    const end = findEvent(events, 'run.finished');
    assert.deepEqual([end.bytes, end.evidence.map(({ check, ok }) => [check, ok])], [21, [['target_verified', true]]]);
  });

  await t.test('where somebody took a name meanwhile is incomplete, and says so', async () => {
    const path = makeTarget('taken', ['etc/a']);
    mkdirSync(join(path, 'srv'));
    writeFileSync(join(path, 'srv/mine'), 'precious');
    const { state, log } = await recover({ kind: 'directory', path }, path, ['srv/b'], PLACING);
    assert.equal(state, 'failed');
    assert.match(log, /taken is incomplete: only a part of the files had taken its place\. .*srv exists/);
    assert.equal(readFileSync(join(path, 'srv/mine'), 'utf8'), 'precious');
    assert.equal(existsSync(join(path, 'srv/b')), false);
  });

  await t.test('right after everything was in place succeeded; where it is gone since, it did not', async () => {
    const path = makeTarget('whole', ['etc/a', 'srv/b']);
    assert.equal((await recover({ kind: 'directory', path }, path, [], PLACING)).state, 'succeeded');
    renameSync(path, `${path} elsewhere`);
    const gone = await recover({ kind: 'directory', path }, path, [], PLACING);
    assert.equal(gone.state, 'failed');
    assert.match(gone.log, /not there any more/);
  });

  await t.test('in place: before the first took its place nothing changed, afterwards it says how many did', async () => {
    const root = makeTarget('srv');
    const files = ['one', 'two', 'deep/three'];
    for (const file of files) {
      mkdirSync(join(root, file, '..'), { recursive: true });
      writeFileSync(join(root, file), `live ${file}`);
    }
    const target: RestoreTarget = { kind: 'in_place', paths: [root] };
    const at = (file: string) => join(root.slice(1), file);
    const before = await recover(target, rig.dir, files.map(at));
    assert.deepEqual([before.state, before.reason], ['failed', 'interrupted']);
    assert.match(before.log, /removed what was not yet in place/);
    for (const file of files) assert.equal(readFileSync(join(root, file), 'utf8'), `live ${file}`);
    const during = await recover(target, rig.dir, [at('two'), at('deep/three')], PLACING);
    assert.deepEqual([during.state, during.reason], ['failed', 'interrupted']);
    assert.match(during.log, /1 of 3 files have taken their place, each as a whole; the others are as they were/);
    assert.equal(readFileSync(join(root, 'two'), 'utf8'), 'live two');
    assert.equal((await recover(target, rig.dir, [], PLACING)).state, 'succeeded');
  });

  /** Live files, their backups beside them, the first so many of which have taken their place; then the agent starts again. */
  const recoverInPlace = async (
    name: string,
    moved: number,
    meanwhile: (root: string) => void = () => undefined,
    boot = readBootId(),
  ) => {
    const files = ['a', 'deep/b', 'deep/c', 'new/d', 'z'];
    const root = makeTarget(name, []);
    for (const file of files.filter((one) => !one.startsWith('new/'))) {
      mkdirSync(join(root, file, '..'), { recursive: true });
      writeFileSync(join(root, file), `live ${file}`);
    }
    const order: RestoreOrder = {
      ...createOrder(rig, source, MADE, { directory: '/unused' }),
      target: { kind: 'in_place', paths: [root] },
    };
    const staging = join(rig.dir, nameStaging(order.run));
    const staged = join(staging, root.slice(1));
    for (const file of files) {
      mkdirSync(join(staged, file, '..'), { recursive: true });
      writeFileSync(join(staged, file), `restored ${file}`);
    }
    // The clock of a disk goes by ticks: what stands there is older by one at least.
    do chmodSync(staging, 0o700);
    while (lstatSync(staging).ctimeMs <= lstatSync(join(root, 'z')).ctimeMs);
    const placing = { files: files.length, bytes: 35, since: lstatSync(staging).ctimeMs, boot };
    for (const file of files.slice(0, moved))
      if (file === 'new/d') renameSync(join(staged, 'new'), join(root, 'new'));
      else renameSync(join(staged, file), join(root, file));
    meanwhile(root);
    const body: JournaledRestore = { kind: 'restore', order, started: true, half: { made: [], placing } };
    rig.workbench.journal.runs.record({ run: order.run, kind: 'restore', body });
    await recoverRuns(rig.workbench, rig.executor, undefined);
    assert.equal(existsSync(staging), false, 'nothing private is left');
    const events = rig.listEvents(order.run);
    const read = (file: string) =>
      lstatSync(join(root, file), { throwIfNoEntry: false })?.isFile() ? readFileSync(join(root, file), 'utf8') : 'none';
    return { ...readEnd(events), log: readLog(events), contents: files.map(read) };
  };

  await t.test('in place, after any of the renames, lets the others follow, and succeeded', async () => {
    for (const moved of [0, 1, 2, 3, 4, 5]) {
      const { state, log, contents } = await recoverInPlace(`live${moved}`, moved);
      assert.equal(state, 'succeeded', log);
      assert.deepEqual(contents, ['restored a', 'restored deep/b', 'restored deep/c', 'restored new/d', 'restored z']);
    }
  });

  await t.test(
    'in place leaves what somebody has changed or made there since, lets the others follow, and names it',
    async () => {
      const { state, reason, log, contents } = await recoverInPlace('worked', 1, (root) => {
        writeFileSync(join(root, 'deep/b'), 'precious');
        rmSync(join(root, 'z'));
        mkdirSync(join(root, 'z'));
      });
      assert.deepEqual([state, reason], ['failed', 'interrupted']);
      assert.deepEqual(contents.slice(0, 4), ['restored a', 'precious', 'restored deep/c', 'restored new/d']);
      assert.match(log, /3 of 5 files have taken their place, each as a whole; the others are as they were/);
      assert.match(log, /deep\/b has been changed since/);
      assert.match(log, /z is a directory here and none in the snapshot/);
    },
  );

  await t.test('in place on a host that went down replaces nothing more', async () => {
    const { state, log, contents } = await recoverInPlace('power', 2, undefined, 'another life');
    assert.equal(state, 'failed');
    assert.deepEqual(contents, ['restored a', 'restored deep/b', 'live deep/c', 'none', 'live z']);
    assert.match(log, /2 of 5 files have taken their place/);
  });

  await t.test('while it wrote one archive leaves no file, neither under its name nor under another', async () => {
    const path = join(makeTarget('out'), 'letters.tar');
    const order: RestoreOrder = {
      ...createOrder(rig, source, MADE, { directory: '/unused' }),
      target: { kind: 'archive', path, format: 'tar', from: '/srv' },
    };
    const body: JournaledRestore = { kind: 'restore', order, started: true };
    rig.workbench.journal.runs.record({ run: order.run, kind: 'restore', body });
    writeFileSync(join(rig.dir, 'out', nameStaging(order.run)), 'half a tar');
    await recoverRuns(rig.workbench, rig.executor, undefined);
    assert.equal(readEnd(rig.listEvents(order.run)).reason, 'interrupted');
    assert.deepEqual(readdirSync(join(rig.dir, 'out')), []);
    assert.ok(lstatSync(join(rig.dir, 'out')).isDirectory());
  });
});
