import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { openJournal } from './journal.ts';
import { glanceAtJournal, glanceAtLedger } from './peek.ts';

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

  it('reads beside a running agent', (t) => {
    const stateDir = makeStateDir(t);
    const journal = openJournal({ stateDir, clock: systemClock, randomBytes: systemRandomBytes, ballastBytes: 4096 });
    t.after(() => journal.close());
    journal.outbox.append({ type: 'host.notice', at: 1, level: 'info', text: 'hello' });
    const glance = glanceAtJournal(stateDir);
    assert.deepEqual([glance?.waitingEvents, glance?.openRuns, glance?.spec], [1, [], undefined]);
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
