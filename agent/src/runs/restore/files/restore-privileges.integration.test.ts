import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RestoreOptions } from '@holdfast/shared/domain/restore.ts';
import type { DurableEvent, RestoreTarget } from '@holdfast/shared/protocol/events.ts';
import { GENERATIONS } from '../../../engines/restic/fixtures/laboratory.ts';
import { carryOut, createOrder, getMade, readEnd, readLog } from '../../../handlers/fixtures/restore-orders.ts';
import { findEvent, openRunRig } from '../../fixtures/run-rig.ts';
import { readAttributes, writeWithAttributes } from '../fixtures/extended-attributes.ts';

/** `cap_net_raw=ep`, as the kernel keeps it. */
const RAW_SOCKETS = Buffer.from('0100000200200000000000000000000000000000', 'hex');
const CAPABILITY = 'security.capability';

/** A system in small: programs with the rights of their owner, one with a capability, a device, a pipe, and a directory that passes on its group. */
function writeSystem(root: string): void {
  mkdirSync(join(root, 'bin'), { recursive: true });
  for (const [name, mode] of [
    ['su', 0o4755],
    ['wall', 0o2711],
    ['both', 0o6755],
    ['plain', 0o755],
  ] as const) {
    writeFileSync(join(root, 'bin', name), `program ${name}`);
    chmodSync(join(root, 'bin', name), mode);
  }
  linkSync(join(root, 'bin/su'), join(root, 'bin/su-again'));
  writeWithAttributes(join(root, 'bin/ping'), 'ping', { [CAPABILITY]: RAW_SOCKETS, 'user.note': Buffer.from('blue') });
  mkdirSync(join(root, 'dev'));
  execFileSync('mknod', [join(root, 'dev/null'), 'c', '1', '3']);
  execFileSync('mkfifo', [join(root, 'dev/pipe')]);
  mkdirSync(join(root, 'shared'));
  chmodSync(join(root, 'shared'), 0o2775);
  mkdirSync(join(root, 'tmp'));
  chmodSync(join(root, 'tmp'), 0o1777);
}

const modeOf = (path: string) => (lstatSync(path).mode & 0o7777).toString(8);
const listModes = (root: string) =>
  ['bin/su', 'bin/wall', 'bin/both', 'bin/plain', 'shared', 'tmp'].map((name) => modeOf(join(root, name)));
const WHOLE = ['4755', '2711', '6755', '755', '2775', '1777'];
const hasDevice = (root: string) => lstatSync(join(root, 'dev/null'), { throwIfNoEntry: false })?.isCharacterDevice() === true;
const readWarnings = (events: readonly DurableEvent[]) => findEvent(events, 'part.finished').part.warnings;

for (const { version, binary } of GENERATIONS) {
  test(`Setuid bits, capabilities and devices with restic ${version}`, async (t) => {
    const rig = await openRunRig(t, { restic: binary });
    await rig.initRepository();
    const root = join(rig.dir, 'system');
    writeSystem(root);
    const source = rig.addFiles('system', [root]);
    const made = getMade(await rig.runPlan());
    const restore = async (target: RestoreTarget, options?: RestoreOptions) => {
      const order = { ...createOrder(rig, source, made, { directory: '/unused' }), target, ...(options ? { options } : {}) };
      const events = await carryOut(rig, order);
      assert.equal(readEnd(events).state, 'succeeded', readLog(events));
      return events;
    };

    await t.test('stay out of a new directory, counted and named, and everything else is as it was', async () => {
      const path = join(rig.dir, 'beside');
      const events = await restore({ kind: 'directory', path });
      const there = join(path, root);
      assert.deepEqual(listModes(there), ['755', '711', '755', '755', '2775', '1777']);
      assert.equal(hasDevice(there), false);
      assert.ok(lstatSync(join(there, 'dev/pipe')).isFIFO());
      assert.deepEqual(readAttributes(join(there, 'bin/ping')), { 'user.note': 'blue' });
      assert.equal(readFileSync(join(there, 'bin/su'), 'utf8'), 'program su');
      assert.equal(lstatSync(join(there, 'bin/su')).ino, lstatSync(join(there, 'bin/su-again')).ino);
      assert.equal(lstatSync(join(there, 'bin/su')).mtimeMs, lstatSync(join(root, 'bin/su')).mtimeMs);
      assert.deepEqual(readWarnings(events), [
        'Outside of its place 3 files came without setuid and setgid bits, and one device was left out, because nobody asked to keep them',
      ]);
      assert.match(readLog(events), new RegExp(`left out, a device: ${root}/dev/null`));
      assert.match(readLog(events), new RegExp(`without its setuid and setgid bits: ${root}/bin/wall`));
    });

    await t.test('come into a new directory where that was asked for', async () => {
      const path = join(rig.dir, 'whole');
      const events = await restore({ kind: 'directory', path, paths: [root] }, { keepPrivileges: true });
      const there = join(path, root);
      assert.deepEqual(listModes(there), WHOLE);
      assert.ok(hasDevice(there));
      assert.ok(readAttributes(join(there, 'bin/ping'))[CAPABILITY]);
      assert.deepEqual(readWarnings(events), []);
    });

    await t.test('come back in their own place', async () => {
      for (const name of ['bin', 'dev', 'shared', 'tmp']) rmSync(join(root, name), { recursive: true });
      const paths = ['bin', 'dev', 'shared', 'tmp'].map((name) => join(root, name));
      const events = await restore({ kind: 'in_place', paths });
      assert.deepEqual(listModes(root), WHOLE);
      assert.ok(hasDevice(root));
      assert.ok(readAttributes(join(root, 'bin/ping'))[CAPABILITY]);
      assert.deepEqual(readWarnings(events), []);
    });
  });
}
