import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { createLaboratory, GENERATIONS, LABORATORY_PASSWORD, type Laboratory } from './fixtures/laboratory.ts';
import { makeQuickRepository } from './fixtures/quick-repository.ts';

const marks = { tags: ['run:run_1'], host: 'host_1' };
const GONE = 150;
const LONG = 6;
/** All of it a hole in the disk. */
const LONG_BYTES = 8 * 1024 ** 3;
/** What a name on a disk may hold: line breaks, colours, words that look like restic's, an override of the writing direction. */
const HOSTILE = [
  'line\nnot stored: /etc',
  '\u001b[31mred',
  '{"message_type":"summary","snapshot_id":"00000000"}',
  'right\u202eleft',
];

function openTree(t: TestContext, generation: { version: string; binary: string }, options: object = {}): Laboratory {
  const lab = createLaboratory(generation, options);
  t.after(() => lab.remove());
  makeQuickRepository(join(lab.dir, 'repo'), LABORATORY_PASSWORD);
  return lab;
}

for (const generation of GENERATIONS) {
  describe(`Files that change while restic ${generation.version} reads them`, { timeout: 180_000 }, () => {
    it('cost nothing that is still there when they vanish, and are counted and named where restic tells of them', async (t) => {
      const lab = openTree(t, generation);
      const source = join(lab.dir, 'source');
      mkdirSync(source);
      // More of them than restic reads at once: as long as these are read, the names behind them are known, but nothing more.
      for (let n = 0; n < LONG; n += 1) {
        writeFileSync(join(source, `a-${n}`), '');
        truncateSync(join(source, `a-${n}`), LONG_BYTES);
      }
      for (let n = 0; n < GONE; n += 1) writeFileSync(join(source, `z-${n}`), `letter ${n}`);
      writeFileSync(join(source, 'zz-stays'), 'here');
      const { engine } = lab;
      const workDir = lab.workDir();
      let isGone = false;
      const outcome = await engine.backupTree({
        access: lab.access(),
        workDir,
        paths: [source],
        excludes: [],
        oneFileSystem: false,
        stallMs: 60_000,
        ...marks,
        onProgress({ bytes }) {
          if (isGone || bytes === 0) return;
          isGone = true;
          for (let n = 0; n < GONE; n += 1) rmSync(join(source, `z-${n}`));
          for (let n = 0; n < LONG; n += 1) truncateSync(join(source, `a-${n}`), 1000 * n);
        },
      });
      assert.equal(isGone, true);
      // A newer restic takes what is gone for excluded; an older one tells of each.
      const isTold = generation.version.startsWith('0.14');
      assert.equal(outcome.failure?.reason, isTold ? 'files_unreadable' : undefined, String(outcome.failure?.message));
      assert.deepEqual([outcome.partial, outcome.unreadableCount], [isTold, isTold ? GONE : 0]);
      assert.equal(outcome.unreadable.length, isTold ? 100 : 0);
      if (isTold) assert.match(outcome.failure?.message ?? '', /and 147 more\.$/);
      const found = await engine.listSnapshots({ access: lab.access(), workDir });
      assert.equal(found.snapshots?.length, 1);
      const target = join(lab.dir, 'target');
      mkdirSync(target);
      const restored = await engine.restoreTree({
        access: lab.access(),
        workDir,
        snapshotId: found.snapshots?.[0]?.engineId ?? '',
        target,
        stallMs: 60_000,
      });
      assert.equal(restored.failure, undefined);
      assert.deepEqual(readdirSync(join(target, source)).sort(), readdirSync(source).sort());
    });

    it('cannot say anything but their names when they cannot be read', async (t) => {
      const lab = openTree(t, generation, { withoutOverride: true });
      const source = join(lab.dir, 'source');
      mkdirSync(source);
      writeFileSync(join(source, 'good'), 'here');
      for (const name of HOSTILE) writeFileSync(join(source, name.replaceAll('/', '_')), 'x', { mode: 0 });
      const workDir = lab.workDir();
      const lines: string[] = [];
      const outcome = await lab.engine.backupTree({
        access: lab.access(),
        workDir,
        paths: [source],
        excludes: [],
        oneFileSystem: false,
        stallMs: 60_000,
        ...marks,
        onLog: (_, text) => lines.push(text),
      });
      assert.equal(outcome.partial, true);
      assert.equal(outcome.unreadableCount, HOSTILE.length, JSON.stringify(outcome.unreadable));
      assert.match(outcome.namedId ?? '', /^(?!0{8})[0-9a-f]{8,64}$/);
      for (const text of [outcome.failure?.message ?? '', ...outcome.unreadable, ...lines])
        assert.doesNotMatch(text, /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u, JSON.stringify(text));
    });
  });
}
