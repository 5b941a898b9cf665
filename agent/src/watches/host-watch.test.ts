import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { createFixedClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { refuseWrites } from '../journal/fixtures/write-limit.ts';
import { openJournal } from '../journal/journal.ts';
import { openHostWatch } from './host-watch.ts';

it('A heartbeat says whether the disk lets the agent write its journal', async (t) => {
  const stateDir = mkdtempSync(join(tmpdir(), 'holdfast-beat-'));
  t.after(() => rmSync(stateDir, { recursive: true }));
  const clock = createFixedClock(Date.parse('2027-01-01T00:00:00Z'));
  const journal = openJournal({ stateDir, clock, randomBytes: systemRandomBytes, ballastBytes: 256 * 1024 });
  t.after(() => journal.close());
  const tooling = { clock, log: console, pdeathsig: true, dumpDirs: [] };
  const executor = { active: 0, waiting: 0 };
  const watch = await openHostWatch({ tooling, stateDir, version: '1.2.3', journal, executor });
  t.after(() => watch.close());
  assert.equal(watch.heartbeat().journalTakesWrites, true);
  const allow = refuseWrites(t, 0);
  journal.outbox.append({ type: 'host.notice', at: clock.now(), level: 'info', text: 'waits in memory' });
  assert.equal(watch.heartbeat().journalTakesWrites, false);
  allow();
  assert.equal(journal.outbox.retry(), true);
  assert.equal(watch.heartbeat().journalTakesWrites, true);
});
