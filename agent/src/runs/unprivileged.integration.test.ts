import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { GENERATIONS } from '../engines/restic/fixtures/laboratory.ts';
import { openCrashRig } from './fixtures/crash-rig.ts';
import { findEvent, writeFolder } from './fixtures/run-rig.ts';

const HIDDEN = 'nobody may\nread this';

describe('An agent that runs as a user without rights', () => {
  for (const { version, binary } of GENERATIONS) {
    it(`stores what it can read, calls the run partial, and names what is missing (restic ${version})`, async (t) => {
      const rig = await openCrashRig({
        restic: binary,
        source: (dir) => ({ kind: 'files', config: { paths: [join(dir, 'letters')] } }),
        unprivileged: true,
      });
      t.after(() => rig.remove());
      symlinkSync(binary, join(rig.toolDir, 'restic'));
      const folder = writeFolder(join(rig.dir, 'letters'), { 'a.txt': 'dear reader', [HIDDEN]: 'secret', 'shut/b.txt': 'x' });
      mkdirSync(join(folder, 'shut'), { recursive: true });
      for (const name of [HIDDEN, 'shut']) chmodSync(join(folder, name), 0);
      const run = rig.journalRun();
      rig.start();
      const isTold = (type: DurableEvent['type']) => () => rig.listEvents(run).some((event) => event.type === type);
      await rig.until('the beginning', isTold('run.started'));
      assert.equal(await rig.kill('SIGTERM'), 0);
      assert.deepEqual(
        [isTold('run.finished')(), isTold('run.attempt')()],
        [true, false],
        'what ends within the grace is not cut off',
      );
      rig.start();
      await rig.until('rest', () => rig.isUp() && rig.listLeftovers().length === 0, 50);
      assert.equal(await rig.kill('SIGTERM'), 0);

      const events = rig.listEvents(run);
      const end = findEvent(events, 'run.finished');
      assert.deepEqual([end.state, end.failure?.reason], ['partial', 'files_unreadable']);
      const part = findEvent(events, 'part.finished').part;
      assert.equal(part.state, 'partial');
      const lines = events.flatMap((event) => (event.type === 'run.log' ? event.lines : []));
      for (const name of [HIDDEN, 'shut']) {
        const shown = join(folder, name).replaceAll('\n', '\\u000a');
        assert.ok(
          lines.some((line) => line.level === 'warn' && line.text === `not stored: ${shown}`),
          `${shown} is not named in ${lines.map((line) => line.text).join(' | ')}`,
        );
      }
      assert.match(end.failure?.message ?? '', /shut/);

      const made = findEvent(events, 'snapshot.made').snapshot;
      assert.deepEqual(
        made.evidence.map((entry) => [entry.check, entry.ok]),
        [
          ['exit_codes', false],
          ['size_floor', true],
          ['read_back', true],
        ],
      );
      assert.match(made.evidence[0]?.seen ?? '', /exited 3: 2 paths were not stored/);
      assert.deepEqual(rig.listStored('snapshots'), [made.engineId]);
      assert.deepEqual(
        rig.listLedger().map((entry) => [entry.engineId, entry.state]),
        [[made.engineId, 'partial']],
      );
      assert.equal(
        String(await rig.restic('dump', made.engineId, join(folder, 'a.txt'))),
        readFileSync(join(folder, 'a.txt'), 'utf8'),
      );
      const listed = String(await rig.restic('ls', made.engineId));
      assert.equal(listed.includes('nobody may'), false);
      assert.equal(listed.includes('b.txt'), false);
    });
  }
});
