import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { RestoreOptions } from '@holdfast/shared/domain/restore.ts';
import { toStoredText } from '@holdfast/shared/domain/stored-path.ts';
import type { DurableEvent, RestoreTarget } from '@holdfast/shared/protocol/events.ts';
import { GENERATIONS, writeNoise } from '../../../engines/restic/fixtures/laboratory.ts';
import { carryOut, createOrder, getMade, giveOrder, readEnd, readLog } from '../../../handlers/fixtures/restore-orders.ts';
import { findEvent, openRunRig, type RunRig } from '../../fixtures/run-rig.ts';
import { mountSmallDisk } from '../../fixtures/small-disk.ts';
import { flipByte, listPacks } from '../fixtures/altered-backups.ts';
import { makeAcl, readAttributes, writeWithAttributes } from '../fixtures/extended-attributes.ts';
import { readZip } from '../fixtures/read-zip.ts';
import { nameStaging } from './restore-staging.ts';

const LATIN = Buffer.concat([Buffer.from('caf'), Buffer.from([0xe9])]);
/** Looks like the other one to whoever reads only UTF-8. */
const OTHER_LATIN = Buffer.concat([Buffer.from('caf'), Buffer.from([0xe8])]);
const HOSTILE = ['--delete', ' #line\nbreak ', '*?[x]', 'a\\b', '$HOME'];

const under = (root: string, name: Uint8Array) => Buffer.concat([Buffer.from(`${root}/`), name]);

function writeTree(root: string): void {
  mkdirSync(join(root, 'docs/deep'), { recursive: true });
  for (const name of HOSTILE) writeFileSync(join(root, name), `content of ${name}`);
  // What a name would match if it were read as a pattern.
  writeFileSync(join(root, 'axx'), 'not chosen');
  writeFileSync(join(root, 'ab'), 'not chosen');
  writeFileSync(under(root, LATIN), 'latin');
  writeFileSync(under(root, OTHER_LATIN), 'not chosen');
  writeFileSync(join(root, 'docs/one.txt'), 'first');
  writeFileSync(join(root, 'docs/deep/two.txt'), 'second');
  linkSync(join(root, 'docs/one.txt'), join(root, 'docs/again.txt'));
  symlinkSync('/etc/hostname', join(root, 'docs/outside'));
  writeFileSync(join(root, 'docs/sparse'), 'x');
  truncateSync(join(root, 'docs/sparse'), 4_000_000);
  writeWithAttributes(join(root, 'docs/noted'), 'with notes', {
    'user.note': Buffer.from('blue'),
    'system.posix_acl_access': makeAcl(1234),
  });
}

/** A host with one stored tree, whose disk is then changed by each test. */
async function openStored(t: TestContext, restic: string) {
  const rig = await openRunRig(t, { restic });
  await rig.initRepository();
  const root = join(rig.dir, 'srv');
  writeTree(root);
  const source = rig.addFiles('letters', [root]);
  const made = getMade(await rig.runPlan());
  const order = (target: RestoreTarget) => ({ ...createOrder(rig, source, made, { directory: '/unused' }), target });
  const restore = (target: RestoreTarget) => carryOut(rig, order(target));
  const reset = () => {
    rmSync(root, { recursive: true });
    writeTree(root);
  };
  return { rig, root, order, restore, reset };
}

function assertSucceeded(events: readonly DurableEvent[]): void {
  assert.equal(readEnd(events).state, 'succeeded', readLog(events));
  assert.ok(findEvent(events, 'run.finished').evidence.every(({ ok }) => ok));
}

function assertFailed(events: readonly DurableEvent[], reason: string): void {
  assert.deepEqual([readEnd(events).state, readEnd(events).reason], ['failed', reason], readLog(events));
}

/** Nothing of the restore is left beside its target. */
function assertTidy(rig: RunRig): void {
  const left = readdirSync(rig.dir, { recursive: true, encoding: 'buffer' }).map(String);
  assert.deepEqual(
    left.filter((name) => name.includes(nameStaging(''))),
    [],
  );
  assert.deepEqual(readdirSync(rig.tooling.workDirs.root), []);
}

for (const { version, binary } of GENERATIONS) {
  test(`Chosen files with restic ${version}`, async (t) => {
    const { rig, root, restore, reset } = await openStored(t, binary);

    await t.test('come into a new directory, each as it was and nothing besides, whatever their names', async () => {
      const target = join(rig.dir, 'chosen');
      const paths = [...HOSTILE.map((name) => join(root, name)), join(root, 'docs'), `${root}/${toStoredText(LATIN)}`];
      const events = await restore({ kind: 'directory', path: target, paths });
      assertSucceeded(events);
      const place = join(target, root);
      const names = readdirSync(place, { encoding: 'buffer' }).map((name) => name.toString('latin1'));
      const wanted = [...HOSTILE, 'docs', LATIN.toString('latin1')];
      assert.deepEqual(names.sort(), wanted.sort());
      for (const name of HOSTILE) assert.equal(readFileSync(join(place, name), 'utf8'), `content of ${name}`);
      assert.equal(readFileSync(under(place, LATIN), 'utf8'), 'latin');
      assertTidy(rig);
    });

    await t.test('keep hard links, links, holes, attributes and ACLs', () => {
      const docs = join(rig.dir, 'chosen', root, 'docs');
      assert.equal(lstatSync(join(docs, 'one.txt')).ino, lstatSync(join(docs, 'again.txt')).ino);
      assert.equal(readlinkSync(join(docs, 'outside')), '/etc/hostname');
      const { size, blocks } = lstatSync(join(docs, 'sparse'));
      assert.equal(size, 4_000_000);
      // Before 0.15 restic writes zeros where a hole was.
      if (version !== '0.14.0') assert.ok(blocks * 512 < size / 2, `${blocks} blocks`);
      const noted = readAttributes(join(root, 'docs/noted'));
      assert.equal(noted['user.note'], 'blue');
      assert.deepEqual(readAttributes(join(docs, 'noted')), noted);
    });

    await t.test('take their place again: what stands there is replaced, and nothing else is touched', async () => {
      writeFileSync(join(root, 'docs/one.txt'), 'overwritten by mistake');
      rmSync(join(root, 'docs/deep'), { recursive: true });
      writeFileSync(join(root, 'docs/newer'), 'not in the snapshot');
      writeFileSync(join(root, 'axx'), 'changed since');
      chmodSync(join(root, 'docs'), 0o711);
      writeFileSync(under(root, OTHER_LATIN), 'changed since');
      writeFileSync(under(root, LATIN), 'changed since');
      const paths = [join(root, 'docs'), join(root, '*?[x]'), `${root}/${toStoredText(LATIN)}`];
      const events = await restore({ kind: 'in_place', paths });
      assertSucceeded(events);
      assert.equal(readFileSync(join(root, 'docs/one.txt'), 'utf8'), 'first');
      assert.equal(lstatSync(join(root, 'docs/one.txt')).ino, lstatSync(join(root, 'docs/again.txt')).ino);
      assert.equal(readFileSync(join(root, 'docs/deep/two.txt'), 'utf8'), 'second');
      assert.equal(readFileSync(join(root, 'docs/newer'), 'utf8'), 'not in the snapshot');
      assert.equal(readFileSync(join(root, 'axx'), 'utf8'), 'changed since');
      assert.equal(readFileSync(under(root, LATIN), 'utf8'), 'latin');
      assert.equal(readFileSync(under(root, OTHER_LATIN), 'utf8'), 'changed since');
      assert.equal((lstatSync(join(root, 'docs')).mode & 0o777).toString(8), '711');
      assert.match(readLog(events), /7 of 8 entries will replace what stands in their place/);
      assert.match(readLog(events), /replaced .*docs\/one\.txt/);
      assert.equal(readAttributes(join(root, 'docs/noted'))['user.note'], 'blue');
      assertTidy(rig);
      reset();
    });

    await t.test('never follow a link that stands in their way, whoever made it', async () => {
      const outside = mkdtempSync(join(tmpdir(), 'holdfast-outside-'));
      t.after(() => rmSync(outside, { recursive: true }));
      writeFileSync(join(outside, 'two.txt'), 'precious');
      rmSync(join(root, 'docs/deep'), { recursive: true });
      symlinkSync(outside, join(root, 'docs/deep'));
      for (const paths of [[join(root, 'docs')], [join(root, 'docs/deep/two.txt')]]) {
        const events = await restore({ kind: 'in_place', paths });
        assertFailed(events, 'target_refused');
        assert.match(readEnd(events).message, /deep is a link/);
      }
      assert.equal(readFileSync(join(outside, 'two.txt'), 'utf8'), 'precious');
      // A file that became a link is replaced itself; what it points to is not.
      rmSync(join(root, 'docs/deep'));
      rmSync(join(root, 'docs/one.txt'));
      symlinkSync(join(outside, 'two.txt'), join(root, 'docs/one.txt'));
      assertSucceeded(await restore({ kind: 'in_place', paths: [join(root, 'docs/one.txt')] }));
      assert.equal(readFileSync(join(root, 'docs/one.txt'), 'utf8'), 'first');
      assert.equal(readFileSync(join(outside, 'two.txt'), 'utf8'), 'precious');
      assertTidy(rig);
      reset();
    });

    await t.test('go through a link above the source only where nobody but root could have made it', async () => {
      const real = join(rig.dir, 'moved');
      execFileSync('mv', [root, real]);
      symlinkSync(real, root);
      lchownSync(root, 65534, 65534);
      assertFailed(await restore({ kind: 'in_place', paths: [join(root, 'docs/one.txt')] }), 'target_refused');
      lchownSync(root, 0, 0);
      writeFileSync(join(real, 'docs/one.txt'), 'overwritten by mistake');
      assertSucceeded(await restore({ kind: 'in_place', paths: [join(root, 'docs/one.txt')] }));
      assert.equal(readFileSync(join(real, 'docs/one.txt'), 'utf8'), 'first');
      rmSync(root);
      execFileSync('mv', [real, root]);
    });

    await t.test('stay where a directory stands in the place of a file: nothing is changed at all', async () => {
      writeFileSync(join(root, 'docs/one.txt'), 'as it is');
      rmSync(join(root, 'docs/sparse'));
      mkdirSync(join(root, 'docs/sparse'));
      const events = await restore({ kind: 'in_place', paths: [join(root, 'docs')] });
      assertFailed(events, 'target_refused');
      assert.match(readEnd(events).message, /Nothing was changed: .*sparse is a directory here/);
      assert.equal(readFileSync(join(root, 'docs/one.txt'), 'utf8'), 'as it is');
      assertTidy(rig);
      reset();
    });

    await t.test('that the snapshot does not hold are an error, not an empty success', async () => {
      const target = join(rig.dir, 'nothing');
      const targets: RestoreTarget[] = [
        { kind: 'directory', path: target, paths: [join(root, 'docs'), join(root, 'gone')] },
        { kind: 'in_place', paths: [join(root, 'gone')] },
        { kind: 'file', path: join(target, 'x'), from: join(root, 'gone') },
      ];
      for (const wrong of targets) assertFailed(await restore(wrong), 'snapshot_missing');
      assert.equal(existsSync(target), false);
    });

    await t.test('become one archive, or one file, under a new name', async () => {
      const tar = join(rig.dir, 'out/docs.tar');
      assertSucceeded(await restore({ kind: 'archive', path: tar, format: 'tar', from: join(root, 'docs') }));
      const listed = execFileSync('tar', ['--list', '--file', tar], { encoding: 'utf8' });
      assert.match(listed, /docs\/deep\/two\.txt/);
      execFileSync('tar', ['--extract', '--file', tar, '--directory', join(rig.dir, 'out')]);
      assert.equal(readFileSync(join(rig.dir, 'out', root, 'docs/deep/two.txt'), 'utf8'), 'second');
      const zip = join(rig.dir, 'out/docs.zip');
      assertSucceeded(await restore({ kind: 'archive', path: zip, format: 'zip', from: join(root, 'docs') }));
      const packed = readZip(readFileSync(zip));
      const findPacked = (name: string) => [...packed].find(([path]) => path.endsWith(`docs/${name}`))?.[1];
      assert.deepEqual(['one.txt', 'again.txt', 'deep/two.txt'].map(findPacked), ['first', 'first', 'second']);
      assert.deepEqual([findPacked('outside'), findPacked('sparse')?.length], ['/etc/hostname', 4_000_000]);
      const file = join(rig.dir, 'out/--one');
      assertSucceeded(await restore({ kind: 'file', path: file, from: join(root, '*?[x]') }));
      assert.equal(readFileSync(file, 'utf8'), 'content of *?[x]');
      assert.equal((lstatSync(file).mode & 0o777).toString(8), '600');
      const again = await restore({ kind: 'file', path: file, from: join(root, 'axx') });
      assertFailed(again, 'target_not_empty');
      assert.equal(readFileSync(file, 'utf8'), 'content of *?[x]');
      const wrong = await restore({ kind: 'file', path: join(rig.dir, 'out/dir'), from: join(root, 'docs') });
      assert.equal(findEvent(wrong, 'run.finished').failure?.code, 'invalid');
      assertTidy(rig);
    });
  });
}

for (const { version, binary } of GENERATIONS) {
  test(`A disk that is full half-way through, and a backup that is damaged (restic ${version})`, async (t) => {
    const rig = await openRunRig(t, { restic: binary });
    await rig.initRepository();
    const disk = mountSmallDisk(t, 24);
    const root = join(disk, 'srv');
    mkdirSync(root);
    for (const seed of [1, 2, 3, 4]) writeNoise(join(root, `part-${seed}`), 4 * 1024 * 1024, seed);
    const source = rig.addFiles('noise', [root]);
    const made = getMade(await rig.runPlan());
    const restore = (target: RestoreTarget, options: RestoreOptions = {}) =>
      carryOut(rig, { ...createOrder(rig, source, made, { directory: '/x' }), target, options });

    await t.test(
      'is refused before anything is written; where it is tried all the same, it is the reason of the failure and what was written is gone',
      async () => {
        const targets: RestoreTarget[] = [
          { kind: 'directory', path: join(disk, 'new/place') },
          { kind: 'archive', path: join(disk, 'new/noise.tar'), format: 'tar', from: root },
          { kind: 'in_place', paths: [root] },
        ];
        for (const target of targets) {
          writeFileSync(join(root, 'part-1'), 'changed since');
          const early = await restore(target);
          assertFailed(early, 'disk_full');
          assert.match(readEnd(early).message, /bytes are free at .*, and the restore needs 16777216\. Nothing was written/);
          assert.ok(!early.some((event) => event.type === 'run.stage' && event.stage === 'restore'), target.kind);
          assert.deepEqual(readdirSync(disk), ['srv'], target.kind);
          // Somebody knows better, and does not.
          const events = await restore(target, { acceptLittleRoom: true });
          assertFailed(events, 'disk_full');
          assert.match(readLog(events), /it is tried all the same/);
          assert.deepEqual(readdirSync(disk), ['srv'], target.kind);
          assert.equal(readFileSync(join(root, 'part-1'), 'utf8'), 'changed since');
          assert.match(readLog(events), target.kind === 'in_place' ? /nothing on the host was replaced/ : /removed again/);
          writeNoise(join(root, 'part-1'), 4 * 1024 * 1024, 1);
        }
      },
    );

    await t.test(
      'a flipped byte fails one file, an archive and what goes in place, and none of them changes anything',
      async () => {
        const part = join(root, 'part-1');
        writeFileSync(part, 'changed since');
        // The small ones hold listings. Each file is hit, wherever in a pack it lies.
        for (const pack of listPacks(rig).filter((path) => statSync(path).size > 500_000))
          for (let share = 0.02; share < 0.95; share += 0.02) flipByte(pack, share);
        const out = join(rig.dir, 'out');
        const targets: RestoreTarget[] = [
          { kind: 'file', path: join(out, 'one'), from: join(root, 'part-2') },
          { kind: 'archive', path: join(out, 'all.zip'), format: 'zip', from: root },
          { kind: 'in_place', paths: [part] },
        ];
        for (const target of targets) {
          assertFailed(await restore(target), 'repository_damaged');
          assert.equal(existsSync(out), false, target.kind);
          assert.equal(readFileSync(part, 'utf8'), 'changed since', target.kind);
          assert.deepEqual(readdirSync(disk), ['srv'], target.kind);
        }
      },
    );
  });
}

test('A restore in place that is cancelled while it reads has changed nothing', async (t) => {
  const [old] = GENERATIONS;
  const rig = await openRunRig(t, { restic: old?.binary });
  await rig.initRepository();
  const root = join(rig.dir, 'srv');
  mkdirSync(root);
  for (const seed of [1, 2, 3]) writeNoise(join(root, `big-${seed}`), 24 * 1024 * 1024, seed);
  const source = rig.addFiles('noise', [root]);
  const made = getMade(await rig.runPlan());
  writeFileSync(join(root, 'big-1'), 'changed since');
  const order = { ...createOrder(rig, source, made, { directory: '/x' }), target: { kind: 'in_place' as const, paths: [root] } };
  await giveOrder(rig, order);
  const staged = join(rig.dir, nameStaging(order.run), root, 'big-1');
  while (rig.executor.listRuns().includes(order.run) && !existsSync(staged))
    await new Promise((resolve) => setImmediate(resolve));
  const cancel = { run: order.run, requestedBy: 'ann', notAfter: order.notAfter };
  await rig.handlers['run.cancel'](cancel, rig.workbench.createId('frame'));
  const events = await rig.awaitEnd(order.run);
  assert.deepEqual([readEnd(events).state, readEnd(events).reason], ['cancelled', 'cancelled'], readLog(events));
  assert.equal(readFileSync(join(root, 'big-1'), 'utf8'), 'changed since');
  assert.match(readLog(events), /nothing on the host was replaced/);
  assertTidy(rig);
});
