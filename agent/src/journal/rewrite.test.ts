import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { type Journal, openJournal } from './journal.ts';
import { glanceAtJournal } from './peek.ts';

const MARK = 'canary-of-a-sealed-box';

function openIn(stateDir: string): Journal {
  return openJournal({ stateDir, clock: systemClock, randomBytes: systemRandomBytes, ballastBytes: 4096 });
}

/** A journal that deleted a big spec and a closed run, both with marks all over. */
function openWithTraces(t: TestContext) {
  const stateDir = mkdtempSync(join(tmpdir(), 'holdfast-rewrite-'));
  t.after(() => rmSync(stateDir, { recursive: true, force: true }));
  const journal = openIn(stateDir);
  journal.spec.save(`${MARK} `.repeat(8000), 'signature', 1);
  journal.runs.record({ run: 'run_1' as RunId, kind: 'restore', body: { secret: MARK.repeat(2000) } });
  journal.runs.close('run_1' as RunId);
  return { stateDir, journal };
}

/** What the host does when it stops keeping secrets. */
function leaveBehind(journal: Journal): void {
  journal.transact(() => {
    journal.spec.save('{}', 'signature', 2);
    journal.runs.changeClosed('restore', () => null);
    journal.oweRewrite();
  });
}

const hasTraces = (stateDir: string): boolean =>
  readdirSync(stateDir).some((name) => readFileSync(join(stateDir, name), 'latin1').includes(MARK));

describe('A journal whose deleted rows must not be found', () => {
  it('still has them in its file until it is written anew, and nothing of what counts is lost by that', (t) => {
    const { stateDir, journal } = openWithTraces(t);
    journal.outbox.append({ type: 'host.notice', at: 1, level: 'info', text: 'kept' });
    const { epoch } = journal.outbox;
    leaveBehind(journal);
    assert.ok(hasTraces(stateDir), 'deleting alone leaves them');
    assert.equal(journal.rewriteIfOwed(), true);
    assert.equal(hasTraces(stateDir), false);
    journal.close();
    const again = openIn(stateDir);
    t.after(() => again.close());
    assert.equal(again.spec.load()?.version, 2);
    assert.deepEqual(again.runs.find('run_1' as RunId)?.body, null);
    assert.equal(again.outbox.epoch, epoch, 'it is the same journal');
    assert.equal(again.outbox.read(0, 10, 1e6).length, 1);
  });

  it('is written anew in the next life when this one ended before', (t) => {
    const { stateDir, journal } = openWithTraces(t);
    leaveBehind(journal);
    journal.close();
    assert.ok(hasTraces(stateDir));
    const again = openIn(stateDir);
    t.after(() => again.close());
    assert.equal(again.rewriteIfOwed(), true);
    assert.equal(hasTraces(stateDir), false);
  });

  it('still owes it while somebody writes', (t) => {
    const { stateDir, journal } = openWithTraces(t);
    t.after(() => journal.close());
    leaveBehind(journal);
    const writer = new DatabaseSync(join(stateDir, 'journal.db'));
    writer.exec('BEGIN IMMEDIATE');
    assert.equal(journal.rewriteIfOwed(), false);
    writer.exec('ROLLBACK');
    writer.close();
    assert.equal(journal.rewriteIfOwed(), true);
    assert.equal(journal.rewriteIfOwed(), true, 'nothing is owed twice');
  });

  it('still owes it while somebody reads', (t) => {
    const { stateDir, journal } = openWithTraces(t);
    t.after(() => journal.close());
    const reader = new DatabaseSync(join(stateDir, 'journal.db'), { readOnly: true });
    reader.exec('BEGIN');
    reader.prepare('SELECT * FROM spec').all();
    leaveBehind(journal);
    assert.equal(journal.rewriteIfOwed(), false);
    reader.exec('COMMIT');
    reader.close();
    assert.equal(journal.rewriteIfOwed(), true);
    assert.equal(hasTraces(stateDir), false);
  });
});

describe('A look from outside', () => {
  it('sees which process holds the secrets, and which runs wait', (t) => {
    const { stateDir, journal } = openWithTraces(t);
    t.after(() => journal.close());
    const look = () => glanceAtJournal(stateDir);
    assert.equal(look()?.secretsHolder, undefined);
    const holder = { pid: 7, startTime: 8, bootId: 'boot' };
    journal.noteSecrets(holder);
    assert.deepEqual(look()?.secretsHolder, holder);
    journal.noteSecrets(undefined);
    assert.equal(look()?.secretsHolder, undefined);
    const bodies = { waits: { started: false }, runs: { started: true }, retries: { started: true, retryAt: 1 } };
    for (const [name, body] of Object.entries(bodies)) journal.runs.record({ run: `run_${name}` as RunId, kind: 'backup', body });
    assert.deepEqual(
      look()
        ?.openRuns.map(({ run, waiting }) => [run, waiting])
        .sort(),
      [
        ['run_retries', true],
        ['run_runs', false],
        ['run_waits', true],
      ],
    );
  });
});
