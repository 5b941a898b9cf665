import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { GENERATIONS } from '../../engines/restic/fixtures/laboratory.ts';
import { readEnd, readLog } from '../../handlers/fixtures/restore-orders.ts';
import { findEvent, openRunRig, writeFolder } from '../fixtures/run-rig.ts';

test('A disk that was there at the last clean backup of a source and is not mounted makes the next one partial, until it is back or may be away', async (t) => {
  const rig = await openRunRig(t, { restic: GENERATIONS[0]?.binary });
  await rig.initRepository();
  const folder = writeFolder(join(rig.dir, 'srv'), { 'own.txt': 'what is here anyway' });
  // Of another file system than the scratch of the tests, which is memory and so no place for what is kept.
  const content = mkdtempSync('/var/tmp/holdfast-volume-');
  t.after(() => rmSync(content, { recursive: true }));
  writeFolder(content, { 'on-disk.txt': 'what the disk holds' });
  const point = join(folder, 'the disk');
  mkdirSync(point);
  const mount = () => execFileSync('mount', ['--bind', content, point]);
  const unmount = () => execFileSync('umount', [point]);
  symlinkSync(rig.dir, join(rig.dir, 'way'));
  const source = rig.addFiles('srv', [join(rig.dir, 'way/srv')]);
  const disk = rig.addFiles('disk', [point]);
  const run = async () => {
    const events = await rig.runPlan([source.id]);
    assert.notEqual(readEnd(events).state, 'failed', readLog(events) + readEnd(events).message);
    return { ...readEnd(events), log: readLog(events), files: findEvent(events, 'snapshot.made').snapshot.files };
  };

  assert.equal((await run()).state, 'succeeded', 'what never was mounted is not missed');
  mount();
  try {
    const whole = await run();
    assert.deepEqual([whole.state, whole.files], ['succeeded', 2]);
  } finally {
    unmount();
  }
  for (const _ of [1, 2]) {
    const lacking = await run();
    assert.deepEqual([lacking.state, lacking.reason, lacking.files], ['partial', 'volume_missing', 1], lacking.log);
    assert.match(lacking.message, /^Nothing is mounted at .*srv\/the disk, where a file system was at the last clean backup/);
  }
  mount();
  try {
    assert.equal((await run()).state, 'succeeded', 'it is back');
    assert.equal(readEnd(await rig.runPlan([disk.id])).state, 'succeeded');
  } finally {
    unmount();
  }
  assert.equal((await run()).reason, 'volume_missing');
  const empty = readEnd(await rig.runPlan([disk.id]));
  assert.deepEqual([empty.state, empty.reason], ['failed', 'volume_missing'], 'nothing at all is left of it');
  source.config['removable'] = [point];
  assert.equal((await run()).state, 'succeeded');
  delete source.config['removable'];
  assert.equal((await run()).state, 'succeeded', 'what was away at a clean backup is not asked for any more');
});
