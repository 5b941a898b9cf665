import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { it } from 'node:test';
import { createFixedClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import type { Contents } from '@holdfast/shared/domain/contents.ts';
import type { RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { RECORD } from '@holdfast/shared/limits.ts';
import { openJournal } from './journal.ts';
import { glanceAtContents } from './peek.ts';

const SHOP = 'src_shop' as SourceId;
const OTHER = 'src_other' as SourceId;
const contents = (rows: number): Contents => ({
  tableCount: 1,
  digest: '0'.repeat(16),
  tables: [{ name: 'public.a', shape: '0'.repeat(16), rows, isExact: true }],
});

it('The newest records of what a source held are kept, and found by run and source; what is no record is none', (t) => {
  const stateDir = join(mkdtempSync(join(tmpdir(), 'holdfast-contents-')), 'state');
  t.after(() => rmSync(join(stateDir, '..'), { recursive: true }));
  assert.equal(glanceAtContents(stateDir, 'run_0', SHOP), undefined, 'without a journal');
  const clock = createFixedClock(1000);
  const journal = openJournal({ stateDir, clock, randomBytes: systemRandomBytes, ballastBytes: 4096, pid: 4711 });
  journal.contents.keep('run_0' as RunId, OTHER, contents(7));
  for (let nth = 0; nth <= RECORD.keptPerSource; nth += 1) {
    clock.advance(1000);
    journal.contents.keep(`run_${nth}` as RunId, SHOP, contents(nth));
  }
  journal.close();
  assert.equal(glanceAtContents(stateDir, 'run_0', SHOP), undefined, 'the oldest has gone');
  assert.deepEqual(glanceAtContents(stateDir, 'run_1', SHOP), contents(1));
  assert.deepEqual(glanceAtContents(stateDir, 'run_0', OTHER), contents(7), 'that of another source stays');
  const file = new DatabaseSync(join(stateDir, 'journal.db'));
  file.exec("UPDATE contents SET contents = '{}' WHERE run = 'run_1'");
  assert.equal(glanceAtContents(stateDir, 'run_1', SHOP), undefined);
  // As an agent leaves it that kept none.
  file.exec('DROP TABLE contents');
  file.close();
  assert.equal(glanceAtContents(stateDir, 'run_2', SHOP), undefined);
});
