import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import { openJournal } from './journal.ts';

it('Where file systems were mounted in a source is kept until the next clean backup, over a new start', (t) => {
  const stateDir = join(mkdtempSync(join(tmpdir(), 'holdfast-volumes-')), 'state');
  t.after(() => rmSync(join(stateDir, '..'), { recursive: true }));
  const open = () => openJournal({ stateDir, clock: systemClock, randomBytes: systemRandomBytes, ballastBytes: 4096, pid: 4711 });
  const first = open();
  assert.deepEqual(first.volumes.find('src_a' as SourceId), []);
  first.volumes.keep('src_a' as SourceId, ['/srv/one']);
  first.volumes.keep('src_a' as SourceId, ['/srv/a b', '/srv/two']);
  first.volumes.keep('src_b' as SourceId, []);
  first.close();
  const second = open();
  assert.deepEqual(second.volumes.find('src_a' as SourceId), ['/srv/a b', '/srv/two']);
  assert.deepEqual(second.volumes.find('src_b' as SourceId), []);
  second.close();
});
