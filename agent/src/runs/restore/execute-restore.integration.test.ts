import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { SnapshotMade } from '@holdfast/shared/domain/snapshot.ts';
import { GENERATIONS, writeNoise } from '../../engines/restic/fixtures/laboratory.ts';
import { carryOut, createOrder, getMade, giveOrder, readEnd, readLog } from '../../handlers/fixtures/restore-orders.ts';
import { findEvent, openRunRig, outline, PASSWORD, type RunRig, writeFolder } from '../fixtures/run-rig.ts';
import { nameStaging } from './files/restore-staging.ts';

/** Names that shells, terminals, options and text encodings trip over. */
const HOSTILE_NAMES = [
  '--delete',
  '-rf',
  'line\nbreak',
  '\u001b[31mred',
  '$(reboot);ls|&',
  ' blank ',
  'quote\'s "x"',
  '注文 🦔',
  '*?[x]',
];

function writeOddTree(root: string): string {
  mkdirSync(join(root, 'deep/er'), { recursive: true });
  for (const name of HOSTILE_NAMES) writeFileSync(join(root, name), `content of ${name}`);
  writeFileSync(Buffer.concat([Buffer.from(`${root}/deep/latin-`), Buffer.from([0xe9, 0xff])]), 'not UTF-8');
  writeNoise(join(root, 'deep/er/noise'), 3_000_000, 5);
  for (const mode of [0o400, 0o640, 0o755, 0o4755, 0o2755]) {
    writeFileSync(join(root, `mode-${mode.toString(8)}`), 'x');
    chmodSync(join(root, `mode-${mode.toString(8)}`), mode);
  }
  symlinkSync('../--delete', join(root, 'deep/link'));
  symlinkSync('/does/not/exist\n', join(root, 'dangling'));
  linkSync(join(root, '--delete'), join(root, 'second name'));
  mkdirSync(join(root, 'sticky'));
  chmodSync(join(root, 'sticky'), 0o1777);
  utimesSync(join(root, 'deep/er/noise'), 1_700_000_000, 1_600_000_000.25);
  utimesSync(join(root, 'sticky'), 1_500_000_000, 1_400_000_000.5);
  return root;
}

/** Every node below `root` as one line: path, mode, owner, time, size, link count, content. */
function describeTree(root: string): string[] {
  const lines: string[] = [];
  const walk = (folder: Buffer, name: string) => {
    for (const entry of readdirSync(folder, { withFileTypes: true, encoding: 'buffer' })) {
      const path = Buffer.concat([folder, Buffer.from('/'), entry.name]);
      const shown = `${name}/${entry.name.toString('latin1')}`;
      const { mode, uid, gid, mtimeMs, nlink } = lstatSync(path);
      const content = entry.isFile() ? readFileSync(path).toString('base64') : entry.isSymbolicLink() ? readlinkSync(path) : '';
      lines.push([shown, mode.toString(8), uid, gid, mtimeMs, nlink, content].join(' '));
      if (entry.isDirectory()) walk(path, shown);
    }
  };
  walk(Buffer.from(root), '');
  return lines.sort();
}

/** Nothing of a run is left on the host or in the repository. */
function assertNothingLeft(rig: RunRig): void {
  assert.deepEqual(rig.workbench.journal.runs.listOpen(), []);
  assert.deepEqual(rig.workbench.journal.runs.listProcesses(), []);
  assert.deepEqual(readdirSync(rig.tooling.workDirs.root), []);
  const locks = join(rig.dir, 'repository/locks');
  assert.deepEqual(existsSync(locks) ? readdirSync(locks) : [], []);
}

/** A host with one stored tree; the tests of one restic share it. */
async function openStored(t: TestContext, restic: string) {
  const rig = await openRunRig(t, { restic });
  await rig.initRepository();
  const folder = writeOddTree(join(rig.dir, 'odd'));
  const source = rig.addFiles('letters', [folder]);
  const events = await rig.runPlan();
  assert.equal(readEnd(events).state, 'succeeded');
  return { rig, folder, source, made: getMade(events) };
}

const GONE: Pick<SnapshotMade, 'id' | 'engineId' | 'sizeBytes'> = {
  id: 'snap_gone' as SnapshotMade['id'],
  engineId: 'a'.repeat(64),
  sizeBytes: 1,
};

for (const { version, binary } of GENERATIONS) {
  test(`A restore of files with restic ${version}`, async (t) => {
    const { rig, folder, source, made } = await openStored(t, binary);

    await t.test('brings names, modes, owners, times, links and bytes back into a new directory, and proves it', async () => {
      const target = join(rig.dir, 'restored/into --here\n');
      const order = createOrder(rig, source, made, { directory: target });
      const events = await carryOut(rig, { ...order, options: { keepPrivileges: true } });
      assert.equal(readEnd(events).state, 'succeeded', readLog(events));
      assert.deepEqual(outline(events), [
        ...['run.created', 'run.started', 'preflight', 'preflight ok', 'restore', 'restore ok'],
        ...['part.finished', 'run.finalizing', 'run.finished'],
      ]);
      assert.deepEqual(describeTree(join(target, folder)), describeTree(folder));
      const end = findEvent(events, 'run.finished');
      assert.deepEqual(
        end.evidence.map(({ check, ok }) => [check, ok]),
        [['target_verified', true]],
      );
      assert.ok(end.bytes > 3_000_000);
      assertNothingLeft(rig);
    });

    await t.test('is refused into a directory that is not empty, and touches nothing in it', async () => {
      const target = writeFolder(join(rig.dir, 'target'), { mine: 'precious' });
      const before = describeTree(target);
      const events = await carryOut(rig, createOrder(rig, source, made, { directory: target }));
      const end = readEnd(events);
      assert.deepEqual([end.state, end.reason], ['failed', 'target_not_empty']);
      assert.match(end.message, /target exists and is not empty\. Choose a new name or directory/);
      const onFile = await carryOut(rig, createOrder(rig, source, made, { directory: join(target, 'mine') }));
      assert.equal(readEnd(onFile).reason, 'target_refused');
      assert.deepEqual(describeTree(target), before);
      assertNothingLeft(rig);
    });

    await t.test('cancelled in the middle says so, leaves no process and takes away only what it wrote itself', async () => {
      const noise = writeOddTree(join(rig.dir, 'noise'));
      for (const seed of [1, 2, 3]) writeNoise(join(noise, `big-${seed}`), 64 * 1024 * 1024, seed);
      const large = rig.addFiles('noise', [noise]);
      const stored = getMade(await rig.runPlan([large.id]));
      const target = join(rig.dir, 'new/a/b');
      const order = createOrder(rig, large, stored, { directory: target });
      await giveOrder(rig, order);
      const isBusy = () => rig.executor.listRuns().includes(order.run);
      const written = join(target, nameStaging(order.run), noise, 'big-1');
      while (isBusy() && !existsSync(written)) await new Promise((resolve) => setImmediate(resolve));
      // Another restore, or a person, uses the parent that this one made, and the target itself.
      writeFolder(join(rig.dir, 'new/other'), { mine: 'precious' });
      writeFolder(join(target, 'theirs/deep'), { mine: 'precious' });
      const cancel = { run: order.run, requestedBy: 'ann', notAfter: order.notAfter };
      assert.deepEqual(await rig.handlers['run.cancel'](cancel, rig.workbench.createId('frame')), { known: true });
      const events = await rig.awaitEnd(order.run);
      assert.deepEqual([readEnd(events).state, readEnd(events).reason], ['cancelled', 'cancelled']);
      assert.match(readLog(events), /removed again[\s\S]*left as it is/);
      assert.deepEqual(readdirSync(target), ['theirs']);
      assert.equal(readFileSync(join(target, 'theirs/deep/mine'), 'utf8'), 'precious');
      assert.equal(readFileSync(join(rig.dir, 'new/other/mine'), 'utf8'), 'precious');
      assertNothingLeft(rig);
    });

    await t.test('that finds a name taken meanwhile is refused, and what bears the name stays', async () => {
      const target = join(rig.dir, 'raced');
      const order = createOrder(rig, source, made, { directory: target });
      await giveOrder(rig, order);
      const isBusy = () => rig.executor.listRuns().includes(order.run);
      while (isBusy() && !existsSync(join(target, nameStaging(order.run)))) await new Promise((resolve) => setImmediate(resolve));
      const [, first = ''] = folder.split('/');
      writeFolder(join(target, first), { mine: 'precious' });
      const events = await rig.awaitEnd(order.run);
      assert.deepEqual([readEnd(events).state, readEnd(events).reason], ['failed', 'target_not_empty'], readLog(events));
      assert.deepEqual(readdirSync(target), [first]);
      assert.deepEqual(readdirSync(join(target, first)), ['mine']);
      assert.equal(readFileSync(join(target, first, 'mine'), 'utf8'), 'precious');
      assertNothingLeft(rig);
    });

    await t.test('that fails in an empty directory of a person empties it and leaves it', async () => {
      const target = join(rig.dir, 'empty');
      mkdirSync(target, { mode: 0o750 });
      const end = readEnd(await carryOut(rig, createOrder(rig, source, GONE, { directory: target })));
      assert.deepEqual([end.state, end.reason], ['failed', 'snapshot_missing']);
      assert.deepEqual(readdirSync(target), []);
      assert.equal((lstatSync(target).mode & 0o777).toString(8), '750');
    });

    await t.test('says what to do about a wrong password, a missing repository and a missing snapshot', async () => {
      const target = join(rig.dir, 'never');
      const elsewhere = join(rig.dir, 'nothing-here');
      const to = (snapshot: typeof GONE, more = {}) => createOrder(rig, source, snapshot, { directory: target }, more);
      const cases = [
        [to(made, { password: `${PASSWORD}-not` }), 'repository_password', /Correct the repository’s password/],
        [to(made, { path: elsewhere }), 'repository_missing', /never made silently/],
        [to(GONE), 'snapshot_missing', /no longer in the repository/],
      ] as const;
      for (const [order, reason, advice] of cases) {
        const events = await carryOut(rig, order);
        const end = readEnd(events);
        assert.deepEqual([end.state, end.reason], ['failed', reason]);
        assert.match(end.message, advice);
        assert.equal(existsSync(target), false, `${reason} leaves no directory`);
        assert.equal(JSON.stringify(events).includes(PASSWORD), false);
      }
      assert.equal(existsSync(elsewhere), false);
      assertNothingLeft(rig);
    });

    await t.test('takes nothing from another repository than the pinned one', async () => {
      const order = createOrder(rig, source, made, { directory: join(rig.dir, 'pinned') });
      order.repository.pinnedId = 'f'.repeat(64);
      const end = findEvent(await carryOut(rig, order), 'run.finished');
      assert.deepEqual([end.state, end.failure?.code], ['failed', 'integrity']);
      assert.equal(existsSync(join(rig.dir, 'pinned')), false);
    });

    await t.test('is carried out once however often the order comes', async () => {
      const order = createOrder(rig, source, made, { directory: join(rig.dir, 'once') });
      const id = rig.workbench.createId('frame');
      const first = await rig.handlers['restore.start'](order, id);
      const events = await rig.awaitEnd(order.run);
      assert.deepEqual(await rig.handlers['restore.start'](order, id), first);
      await rig.executor.drain();
      assert.deepEqual(rig.listEvents(order.run), events);
      assert.equal(readEnd(events).state, 'succeeded');
    });
  });
}

test('A restore on a host without restic fails before it makes anything, and says how to get it', async (t) => {
  const rig = await openRunRig(t);
  const source = rig.addFiles('letters', [rig.dir]);
  const target = join(rig.dir, 'restored');
  const end = readEnd(await carryOut(rig, createOrder(rig, source, GONE, { directory: target })));
  assert.deepEqual([end.state, end.reason], ['failed', 'tool_missing']);
  assert.match(end.message, /Install the Debian package restic/);
  assert.equal(existsSync(target), false);
});
