import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { createFixedClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import type { PlanId, RunId } from '@holdfast/shared/domain/ids.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { refuseWrites } from './fixtures/write-limit.ts';
import { isUnwritable, JOURNAL, type Journal, openJournal } from './journal.ts';

const DAY = 24 * 3_600_000;
const START = Date.parse('2027-01-01T00:00:00Z');
const plan = 'plan_a' as PlanId;
const run = 'run_a' as RunId;
/** Room for the shared memory of the journal and a handful of pages. */
const LITTLE = 48 * 1024;

const notice = (text: string): DurableEvent => ({ type: 'host.notice', at: START, level: 'info', text });

interface Place {
  stateDir: string;
  clock: ReturnType<typeof createFixedClock>;
  open(): Journal;
  /** The end of the test closes what is open by then. */
  close(): void;
}

function makePlace(t: TestContext): Place {
  const stateDir = mkdtempSync(join(tmpdir(), 'holdfast-refused-'));
  t.after(() => rmSync(stateDir, { recursive: true }));
  const clock = createFixedClock(START);
  let journal: Journal | undefined;
  const close = () => {
    journal?.close();
    journal = undefined;
  };
  t.after(close);
  const open = () => {
    journal = openJournal({ stateDir, clock, randomBytes: systemRandomBytes, ballastBytes: 256 * 1024 });
    return journal;
  };
  return { stateDir, clock, open, close };
}

const listTexts = (journal: Journal): string[] =>
  journal.outbox
    .read(0, 1000, Number.MAX_SAFE_INTEGER)
    .map(({ event }) => (event.type === 'host.notice' ? event.text : event.type));

describe('A journal whose disk refuses writes', () => {
  it('hands on what is behind an event whose effects cannot be applied any more', (t) => {
    const journal = makePlace(t).open();
    const allow = refuseWrites(t, 0);
    let refused = true;
    journal.outbox.append(notice('with effects'), () => {
      const why: unknown = 'no such run any more';
      if (!refused) throw why;
      journal.runs.record({ run, kind: 'backup', body: null });
    });
    journal.outbox.append(notice('behind it'));
    assert.deepEqual([journal.outbox.retry(), journal.outbox.health().memoryEvents], [false, 2]);
    refused = false;
    allow();
    assert.equal(journal.outbox.retry(), true);
    assert.deepEqual(listTexts(journal), ['with effects', 'behind it']);
    assert.equal(journal.runs.find(run), undefined);
    assert.deepEqual(journal.outbox.health(), { healthy: true, memoryEvents: 0, memoryBytes: 0, fault: undefined });
  });

  it('forgets an acknowledgement and the server’s epoch, and takes both at the next time', (t) => {
    const journal = makePlace(t).open();
    journal.outbox.append(notice('one'));
    const allow = refuseWrites(t, 0);
    journal.outbox.noteServerEpoch(7);
    assert.equal(journal.outbox.acknowledge(1), false);
    assert.match(journal.outbox.health().fault ?? '', /cannot be written/);
    assert.deepEqual([journal.outbox.acknowledgedSeq(), journal.outbox.findServerEpoch()], [0, undefined]);
    allow();
    journal.outbox.noteServerEpoch(7);
    assert.equal(journal.outbox.acknowledge(1), true);
    assert.deepEqual([journal.outbox.acknowledgedSeq(), journal.outbox.findServerEpoch()], [1, 7]);
  });

  it('knows what is in its file after a transaction that ended in its middle', (t) => {
    const journal = makePlace(t).open();
    journal.outbox.append(notice('before'));
    const allow = refuseWrites(t, LITTLE);
    // More than SQLite keeps in memory, so that it has to write, and gives the transaction up, before the commit.
    const log = (n: number): DurableEvent => ({
      type: 'run.log',
      run,
      at: START,
      lines: Array.from({ length: 40 }, (_, index) => ({
        n: n * 40 + index + 1,
        at: START,
        level: 'info',
        text: 'x'.repeat(4000),
      })),
    });
    assert.throws(() =>
      journal.transact(() => {
        assert.throws(() => {
          for (let n = 0; n < 100; n += 1) journal.outbox.append(log(n));
        }, /disk I\/O error/);
        allow();
        journal.outbox.append(notice('let through'));
      }),
    );
    const texts = listTexts(journal);
    assert.deepEqual([texts[0], texts.includes('run.log')], ['before', false]);
    assert.equal(journal.outbox.size().events, texts.length);
    assert.equal(journal.outbox.append(notice('after')), texts.length + 1);
    assert.deepEqual(listTexts(journal), [...texts, 'after']);
  });

  it('is opened all the same, without its purge and without half a ballast', (t) => {
    const { stateDir, clock, open, close } = makePlace(t);
    const journal = open();
    journal.transact(() => {
      for (let n = 0; n < 5000; n += 1) journal.fires.consider(plan, START + n);
    });
    close();
    rmSync(join(stateDir, 'ballast'));
    clock.advance(JOURNAL.keepMs + DAY);
    const allow = refuseWrites(t, LITTLE);
    const reopened = open();
    assert.equal(existsSync(join(stateDir, 'ballast')), false);
    assert.equal(reopened.outbox.append(notice('small')), 1);
    allow();
    assert.equal(reopened.fires.consider(plan, START), false, 'the purge was undone');
    reopened.purge();
    assert.equal(reopened.fires.consider(plan, START), true);
    assert.equal(statSync(join(stateDir, 'ballast')).size, 256 * 1024);
  });

  it('says that events wait in memory to whoever writes something else', (t) => {
    const journal = makePlace(t).open();
    const allow = refuseWrites(t, 0);
    journal.outbox.append(notice('waits'));
    assert.throws(() => journal.transact(() => journal.fires.consider(plan, 1)), isUnwritable);
    allow();
    assert.equal(
      journal.transact(() => journal.fires.consider(plan, 1)),
      true,
    );
    assert.deepEqual(listTexts(journal), ['waits']);
  });
});

describe('A journal that is closed', () => {
  it('takes no acknowledgement and no epoch, and says so', (t) => {
    const { open, close } = makePlace(t);
    const journal = open();
    journal.outbox.append(notice('one'));
    close();
    assert.throws(() => journal.outbox.acknowledge(1), /not open/);
    assert.throws(() => journal.outbox.noteServerEpoch(1), /not open/);
  });
});
