import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import { createFixedClock, systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import type { RepositoryId, RunId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { openJournal } from './journal.ts';
import { glanceAtJournal, glanceAtLedger, measureJournal } from './peek.ts';

function makeStateDir(t: TestContext): string {
  const stateDir = mkdtempSync(join(tmpdir(), 'holdfast-peek-'));
  t.after(() => rmSync(stateDir, { recursive: true, force: true }));
  return stateDir;
}

describe('A look into the journal', () => {
  it('finds nothing where none was made, or only the beginning of one', (t) => {
    const stateDir = makeStateDir(t);
    assert.deepEqual([glanceAtJournal(stateDir), glanceAtLedger(stateDir).size], [undefined, 0]);
    writeFileSync(join(stateDir, 'journal.db'), '');
    assert.deepEqual([glanceAtJournal(stateDir), glanceAtLedger(stateDir).size], [undefined, 0]);
  });

  it('reads beside a running agent, and measures it with what is not merged into it yet', (t) => {
    const stateDir = makeStateDir(t);
    assert.equal(measureJournal(stateDir), 0);
    const journal = openJournal({ stateDir, clock: systemClock, randomBytes: systemRandomBytes, ballastBytes: 4096 });
    t.after(() => journal.close());
    const sizeOf = (name: string) => statSync(join(stateDir, name)).size;
    assert.ok(sizeOf('journal.db-wal') > 0);
    assert.equal(measureJournal(stateDir), sizeOf('journal.db') + sizeOf('journal.db-wal'));
    journal.outbox.append({ type: 'host.notice', at: 1, level: 'info', text: 'hello' });
    const glance = glanceAtJournal(stateDir);
    assert.deepEqual([glance?.waitingEvents, glance?.openRuns, glance?.spec], [1, [], undefined]);
  });

  it('tells of the spec, of runs that are open, and of the snapshots that are remembered', (t) => {
    const stateDir = makeStateDir(t);
    const journal = openJournal({ stateDir, clock: createFixedClock(1000), randomBytes: systemRandomBytes, ballastBytes: 4096 });
    t.after(() => journal.close());
    journal.spec.save('{"version":3}', 'signature', 3);
    journal.runs.record({ run: 'run_open' as RunId, kind: 'backup', body: null });
    journal.runs.record({ run: 'run_over' as RunId, kind: 'backup', body: null });
    journal.runs.close('run_over' as RunId);
    const repository = 'repo_a' as RepositoryId;
    journal.snapshots.record({
      repository,
      engineId: 'e1',
      snapshot: 'snap_1' as SnapshotId,
      run: 'run_over' as RunId,
      source: 'src_a' as SourceId,
      state: 'made',
    });
    assert.equal(journal.snapshots.find(repository, 'e1')?.state, 'made');
    journal.snapshots.setState(repository, 'e1', 'vouched');
    const glance = glanceAtJournal(stateDir);
    assert.deepEqual(glance?.spec, { document: '{"version":3}', signature: 'signature', version: 3 });
    assert.deepEqual(
      glance?.openRuns.map(({ run, kind, openedAt }) => [run, kind, openedAt]),
      [['run_open', 'backup', 1000]],
    );
    assert.equal(glance?.waitingEvents, 0);
    assert.deepEqual([...glanceAtLedger(stateDir)], [['e1', 'vouched']]);
    assert.equal(glance?.secretsHolder, undefined);
    const holder = { pid: 4711, startTime: 12, bootId: 'boot' };
    journal.noteSecrets(holder);
    assert.deepEqual(glanceAtJournal(stateDir)?.secretsHolder, holder);
    journal.noteSecrets(undefined);
    assert.equal(glanceAtJournal(stateDir)?.secretsHolder, undefined);
  });

  it('waits for an agent that holds its journal for a moment, as at its start', async (t) => {
    const stateDir = makeStateDir(t);
    openJournal({ stateDir, clock: systemClock, randomBytes: systemRandomBytes, ballastBytes: 4096 }).close();
    const file = new DatabaseSync(join(stateDir, 'journal.db'));
    file.exec('PRAGMA journal_mode = DELETE; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    const looking = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads');
       import(workerData.module).then(({ glanceAtJournal }) => {
         parentPort.postMessage('looking');
         parentPort.postMessage({ events: glanceAtJournal(workerData.stateDir).waitingEvents });
       }, (error) => parentPort.postMessage({ error: String(error) }));`,
      { eval: true, workerData: { module: new URL('./peek.ts', import.meta.url).href, stateDir } },
    );
    t.after(() => looking.terminate());
    const answer = await new Promise<unknown>((resolve, reject) => {
      looking.on('error', reject);
      looking.on('message', (message: unknown) => {
        if (message === 'looking') setTimeout(() => file.close(), 300);
        else resolve(message);
      });
    });
    assert.deepEqual(answer, { events: 0 });
  });
});
