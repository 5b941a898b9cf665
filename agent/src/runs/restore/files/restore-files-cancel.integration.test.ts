import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RestoreTarget } from '@holdfast/shared/protocol/events.ts';
import { createOrder, getMade, giveOrder, readEnd, readLog } from '../../../handlers/fixtures/restore-orders.ts';
import { openRunRig } from '../../fixtures/run-rig.ts';
import { nameStaging } from './restore-staging.ts';

const FILES = ['one', 'two', 'deep/three'];

test('A restore of files that is cancelled as a stage begins', async (t) => {
  const rig = await openRunRig(t, { restic: '/usr/bin/restic' });
  await rig.initRepository();
  const root = join(rig.dir, 'srv');
  mkdirSync(join(root, 'deep'), { recursive: true });
  const write = (words: string) => {
    for (const file of FILES) writeFileSync(join(root, file), `${words} ${file}`);
  };
  const read = (from: string) => FILES.map((file) => readFileSync(join(from, file), 'utf8'));
  write('stored');
  const source = rig.addFiles('letters', [root]);
  const made = getMade(await rig.runPlan());
  const stored = read(root);
  const out = join(rig.dir, 'out');

  const kinds: readonly { target: RestoreTarget; stages: readonly string[]; assertWhole(): void; assertNothing(): void }[] = [
    {
      target: { kind: 'directory', path: join(out, 'new') },
      stages: ['preflight', 'restore'],
      assertWhole: () => assert.deepEqual(read(join(out, 'new', root)), stored),
      assertNothing: () => assert.equal(existsSync(join(out, 'new')), false),
    },
    {
      target: { kind: 'in_place', paths: [root] },
      stages: ['preflight', 'restore', 'safety', 'swap'],
      assertWhole: () => assert.deepEqual(read(root), stored),
      assertNothing: () =>
        assert.deepEqual(
          read(root).map((text) => text.split(' ')[0]),
          ['live', 'live', 'live'],
        ),
    },
    {
      target: { kind: 'archive', path: join(out, 'letters.tar'), format: 'tar', from: root },
      stages: ['preflight', 'restore'],
      assertWhole: () => assert.match(readFileSync(join(out, 'letters.tar'), 'latin1'), /stored deep\/three/),
      assertNothing: () => assert.equal(existsSync(join(out, 'letters.tar')), false),
    },
    {
      target: { kind: 'file', path: join(out, 'one file'), from: join(root, 'one') },
      stages: ['preflight', 'restore'],
      assertWhole: () => assert.equal(readFileSync(join(out, 'one file'), 'utf8'), 'stored one'),
      assertNothing: () => assert.equal(existsSync(join(out, 'one file')), false),
    },
  ];

  for (const { target, stages, assertWhole, assertNothing } of kinds)
    for (const stage of stages)
      await t.test(`${target.kind}, ${stage}: all of it is there or nothing, and nothing beside it`, async () => {
        mkdirSync(out, { recursive: true });
        write('live');
        const order = { ...createOrder(rig, source, made, { directory: '/unused' }), target };
        await giveOrder(rig, order);
        await rig.awaitEvent((event) => event.type === 'run.stage' && event.run === order.run && event.stage === stage);
        rig.executor.cancel(order.run);
        const events = await rig.awaitEnd(order.run);
        const { state, reason } = readEnd(events);
        // What has begun to take its place is not stopped half-way.
        if (state === 'succeeded') assertWhole();
        else {
          assert.deepEqual([state, reason], ['cancelled', 'cancelled'], readLog(events));
          assertNothing();
        }
        const left = readdirSync(rig.dir, { recursive: true, encoding: 'utf8' });
        assert.deepEqual(
          left.filter((name) => name.includes(nameStaging(''))),
          [],
        );
        assert.deepEqual(readdirSync(rig.tooling.workDirs.root), []);
        assert.deepEqual(readdirSync(join(rig.dir, 'repository/locks')), []);
        rmSync(out, { recursive: true, force: true });
      });
});
