import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { systemClock } from '@holdfast/shared/clock.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { DUMP_FILE_REQUESTS } from '@holdfast/shared/protocol/dump-files.ts';
import { openOfferedFile } from '../runs/restore/database/offered-directory.ts';
import { createDumpFilesList } from './dump-files.ts';

const PLAIN = '--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 15.18\n';
const notAfter = systemClock.now() + 3_600_000;

function makeDirectory(t: TestContext): { dir: string; offered: string } {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-dumps-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const offered = join(dir, 'dumps');
  mkdirSync(join(offered, 'old'), { recursive: true });
  return { dir, offered };
}

function assertRefused(work: () => unknown, code: string, words: RegExp): void {
  assert.throws(work, (error) => error instanceof AppError && error.code === code && words.test(error.message));
}

test('An offered directory is listed with what its files are', async (t) => {
  const { dir, offered } = makeDirectory(t);
  writeFileSync(join(offered, 'a.sql'), PLAIN);
  writeFileSync(join(offered, 'b.sql.gz'), gzipSync(PLAIN.repeat(5000)));
  writeFileSync(join(offered, 'c.txt'), 'dear diary');
  writeFileSync(Buffer.concat([Buffer.from(`${offered}/`), Buffer.from([0x64, 0xff])]), '');
  execFileSync('mkfifo', [join(offered, 'pipe')]);
  symlinkSync('/etc/passwd', join(offered, 'link'));
  utimesSync(join(offered, 'a.sql'), 1_000_000, 1_000_000.25);
  const list = createDumpFilesList({ clock: systemClock, dumpDirs: [offered] });
  const answer = await list({ path: offered, notAfter });
  assert.deepEqual(DUMP_FILE_REQUESTS['dump_files.list'].result.parse(answer), answer);
  const dump = { engine: 'postgres', format: 'plain', serverVersion: '15.18' };
  assert.deepEqual(
    answer.entries.map(({ name, type, dump: found, refusal }) => [name, type, found ?? refusal]),
    [
      ['old', 'dir', undefined],
      ['a.sql', 'file', { ...dump, isGzip: false }],
      ['b.sql.gz', 'file', { ...dump, isGzip: true }],
      ['c.txt', 'file', 'This does not begin as a dump of PostgreSQL, MariaDB or MySQL does.'],
      ['d\u{f00ff}', 'file', 'The file is empty.'],
      ['link', 'other', undefined],
      ['pipe', 'other', undefined],
    ],
  );
  assert.deepEqual([answer.entries[1]?.sizeBytes, answer.entries[1]?.modifiedAt], [PLAIN.length, 1_000_000_250]);
  assert.deepEqual([answer.total, answer.next], [7, undefined]);

  const page = await list({ path: offered, after: 1, limit: 2, notAfter });
  assert.deepEqual([page.entries.map(({ name }) => name), page.total, page.next], [['a.sql', 'b.sql.gz'], 7, 3]);
  assert.deepEqual((await list({ path: join(offered, 'old'), notAfter })).entries, []);
  await assert.rejects(list({ path: dir, notAfter }), /outside of the directories/);
  await assert.rejects(list({ path: join(offered, 'gone'), notAfter }), /there is no/);
  await assert.rejects(createDumpFilesList({ clock: systemClock })({ path: offered, notAfter }), /HOLDFAST_DUMP_DIRS/);
  await assert.rejects(list({ path: offered, notAfter: 1 }), /after its end/);
});

test('Nothing but a regular file below an offered directory is opened', (t) => {
  const { dir, offered } = makeDirectory(t);
  writeFileSync(join(dir, 'secret'), 'secret');
  writeFileSync(join(offered, 'old', 'a.sql'), PLAIN);
  symlinkSync(join(dir, 'secret'), join(offered, 'link'));
  symlinkSync(dir, join(offered, 'way'));
  symlinkSync(offered, join(dir, 'named'));
  execFileSync('mkfifo', [join(offered, 'pipe')]);
  const open = (path: string, from = offered) => openOfferedFile([from], path);
  assert.equal(open(join(offered, 'old', 'a.sql')).stats.size, PLAIN.length);
  assert.equal(
    open(join(dir, 'named', 'old', 'a.sql'), join(dir, 'named')).stats.size,
    PLAIN.length,
    'a link that the host names',
  );
  assertRefused(() => open(join(dir, 'secret')), 'forbidden', /outside of the directories/);
  assertRefused(() => open(`${offered}-beside/a.sql`), 'forbidden', /outside of the directories/);
  assertRefused(() => open(join(offered, 'link')), 'forbidden', /not followed/);
  assertRefused(() => open(join(offered, 'way', 'secret')), 'forbidden', /not followed/);
  assertRefused(() => open(join(offered, 'pipe')), 'forbidden', /no regular file/);
  assertRefused(() => open(join(offered, 'old')), 'forbidden', /no regular file/);
  assertRefused(() => open(offered), 'forbidden', /is a directory/);
  assertRefused(() => open('/dev/zero', '/dev'), 'forbidden', /no regular file/);
  assertRefused(() => open(join(offered, 'gone')), 'not_found', /there is no/);
});
