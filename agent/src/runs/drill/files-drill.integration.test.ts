import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { PlanId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { SpecSource } from '@holdfast/shared/domain/plan.ts';
import type { SnapshotMade } from '@holdfast/shared/domain/snapshot.ts';
import { GENERATIONS, writeNoise } from '../../engines/restic/fixtures/laboratory.ts';
import { getMade, readEnd, readLog } from '../../handlers/fixtures/restore-orders.ts';
import { findEvent, openRunRig, PASSWORD, type RunRig, writeFolder } from '../fixtures/run-rig.ts';
import { carryOutDrill, createDrillOrder, readEvidence } from './fixtures/drill-orders.ts';

interface Stored {
  rig: RunRig;
  folder: string;
  source: SpecSource;
  made: SnapshotMade;
}

async function openStored(t: TestContext, binary: string): Promise<Stored> {
  const rig = await openRunRig(t, { restic: binary });
  await rig.initRepository();
  const letters = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`letters/${index}.txt`, `dear reader ${index}`]));
  const odd = { '-option': 'a', 'star * [x] ?': 'b', 'new\nline': 'c', 'back\\slash': 'd' };
  const folder = writeFolder(join(rig.dir, 'home'), { ...letters, ...odd });
  writeNoise(join(folder, 'noise'), 300_000, 7);
  symlinkSync('/etc/passwd', join(folder, 'link'));
  mkdirSync(join(folder, 'closed'));
  writeFileSync(join(folder, 'closed/file'), 'kept');
  chmodSync(join(folder, 'closed'), 0o500);
  const source = rig.addFiles('home', [folder]);
  const [canary, link, gone] = ['letters/7.txt', 'link', 'gone'].map((name) => join(folder, name));
  source.config = { ...source.config, canaries: [canary, link, gone, '/etc/passwd'].filter((path) => path !== undefined) };
  const events = await rig.runPlan();
  assert.equal(readEnd(events).state, 'succeeded', readLog(events));
  for (const said of [
    /canary .*link is not there, or is no plain/,
    /canary .*gone is not there/,
    /canary \/etc\/passwd is not below/,
  ])
    assert.match(readLog(events), said);
  chmodSync(join(folder, 'closed'), 0o700);
  return { rig, folder, source, made: getMade(events) };
}

const WHOLE_SECOND = 1_700_000_000;

/** Changes what is in a file and nothing that a listing shows; its time of change must be the whole second. */
function changeUnseen(path: string): void {
  writeFileSync(path, 'x'.repeat(statSync(path).size));
  utimesSync(path, WHOLE_SECOND, WHOLE_SECOND);
}

for (const { version, binary } of GENERATIONS) {
  test(`Files with restic ${version}: a drill restores a sample and compares it`, async (t) => {
    const rigged = await openStored(t, binary);
    const { rig, folder, source } = rigged;
    const isProven = (engineId: string) =>
      rig.workbench.journal.snapshots.listByPlan(rig.plan().id).find((each) => each.engineId === engineId)?.isProven;

    await t.test('proves what came back, byte for byte where the live file is unchanged', async () => {
      writeFileSync(join(folder, 'letters/0.txt'), 'written anew since');
      const events = await carryOutDrill(rig, createDrillOrder(rig, source, rigged.made));
      assert.equal(readEnd(events).state, 'succeeded', readLog(events));
      assert.deepEqual(readEvidence(events), ['target_verified', 'same_content', 'same_content']);
      assert.match(readLog(events), /1 canary file came back as noted/);
      const { drill } = findEvent(events, 'part.finished').part;
      assert.deepEqual([drill?.isProven, drill?.things, drill?.rows], [true, 36, undefined]);
      const compared = findEvent(events, 'run.finished').evidence.findLast(({ check }) => check === 'same_content');
      assert.match(compared?.seen ?? '', /^35 of 36 files/);
      assert.equal(isProven(rigged.made.engineId), true);
    });

    await t.test('that takes longer than its plan lets it is ended, and says nothing of the backup', async () => {
      const { options } = rig.plan();
      const { timeoutMinutes } = options;
      options.timeoutMinutes = 1 / 60_000;
      const events = await carryOutDrill(rig, createDrillOrder(rig, source, rigged.made));
      options.timeoutMinutes = timeoutMinutes;
      assert.deepEqual([readEnd(events).state, readEnd(events).reason], ['failed', 'timed_out'], readLog(events));
      assert.match(readEnd(events).message, /took longer than/);
      assert.equal(findEvent(events, 'part.finished').part.drill, undefined);
      assert.equal(isProven(rigged.made.engineId), true, 'what was proven stays proven');
    });

    await t.test('that is given less memory than it needs fails for that, and says nothing of the backup', async () => {
      const { options } = rig.plan();
      const { limits } = options;
      options.limits = { memoryMiB: 64 };
      const events = await carryOutDrill(rig, createDrillOrder(rig, source, rigged.made));
      options.limits = limits;
      assert.deepEqual([readEnd(events).state, readEnd(events).reason], ['failed', 'memory_limit'], readLog(events));
      assert.equal(findEvent(events, 'part.finished').part.drill, undefined);
      assert.equal(isProven(rigged.made.engineId), true, 'what was proven stays proven');
    });

    await t.test(
      'a canary that is not as noted, or not in the backup, takes the proof back; another host reads by the order alone',
      async () => {
        const { canaries = [] } = rigged.made;
        assert.deepEqual(
          canaries.map(({ path }) => path),
          [join(folder, 'letters/7.txt')],
        );
        const wrong = [
          ...canaries.map((canary) => ({ ...canary, sha256: '0'.repeat(64) })),
          { path: '/nowhere', sizeBytes: 1, sha256: '1'.repeat(64) },
        ];
        const order = createDrillOrder(rig, source, { ...rigged.made, canaries: wrong });
        const { kind, config } = rig.repository;
        const secrets = rig.seal('request', `${order.run}.repositories`, { password: PASSWORD });
        const repository = { id: rig.repository.id, draft: { kind, config, secrets } };
        const foreign = { kind: 'files', repository, limits: {}, timeoutMinutes: 0 };
        const events = await carryOutDrill(rig, {
          ...order,
          plan: 'plan_elsewhere' as PlanId,
          source: 'src_elsewhere' as SourceId,
          foreign,
        });
        assert.deepEqual(readEvidence(events), ['target_verified', 'same_content failed'], readLog(events));
        assert.match(readEnd(events).message, /letters\/7\.txt came back with other content; \/nowhere is not in the backup/);
        const journaled = JSON.stringify(rig.workbench.journal.runs.find(order.run));
        assert.equal(journaled.includes(secrets.box), false, 'what was sealed for one order is not written down');
        assert.equal(isProven(rigged.made.engineId), false);
      },
    );

    await t.test('a file that changed although nothing shows it is told', async () => {
      const path = join(folder, 'letters/1.txt');
      utimesSync(path, WHOLE_SECOND, WHOLE_SECOND);
      const made = getMade(await rig.runPlan());
      changeUnseen(path);
      const events = await carryOutDrill(rig, createDrillOrder(rig, source, made));
      assert.deepEqual([readEnd(events).state, readEnd(events).reason], ['failed', 'drill_failed']);
      assert.match(readEnd(events).message, /1 of \d+ files differ .*letters\/1\.txt/);
      assert.equal(isProven(made.engineId), false);
    });

    await t.test('a flipped byte in the repository is no proof', async () => {
      const packs = join(rig.dir, 'repository/data');
      const files = readdirSync(packs, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      for (const file of files) {
        const path = join(file.parentPath, file.name);
        const content = readFileSync(path);
        // The biggest one holds the noise; the others hold the trees without which nothing can be listed.
        if (content.length < 200_000) continue;
        content[1000] = (content[1000] ?? 0) ^ 1;
        chmodSync(path, 0o600);
        writeFileSync(path, content);
      }
      const events = await carryOutDrill(rig, createDrillOrder(rig, source, rigged.made));
      assert.equal(readEnd(events).state, 'failed', readLog(events));
      assert.equal(findEvent(events, 'part.finished').part.drill?.isProven, false, readLog(events));
      assert.equal(isProven(rigged.made.engineId), false);
    });
  });
}
