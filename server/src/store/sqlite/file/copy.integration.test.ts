import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, it } from 'node:test';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import Database from 'better-sqlite3';
import type { Host } from '../../hosts.ts';
import { openSqliteStore } from '../open.ts';
import { backUpStore } from './copy.ts';
import { setAsideForeignLog, settleServerEpoch } from './start-mark.ts';

const COPIES = 50;
// In memory: what is asked here does not depend on the disk.
const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'holdfast-copy-'));
const migrationsDir = join(import.meta.dirname, '../../../../../migrations');
after(() => rmSync(directory, { recursive: true }));

let made = 0;
function freshFolder(): string {
  made += 1;
  const folder = join(directory, `${made}`);
  mkdirSync(folder);
  return folder;
}

const open = (path: string) => openSqliteStore({ path, migrationsDir, clock: { now: () => 7 }, ballastBytes: 0 });

/** A process that stores reports for ever, as fast as it can. */
function startWriter(path: string) {
  const fixture = join(import.meta.dirname, '../fixtures/write-until-killed.ts');
  const child = spawn(process.execPath, [fixture, path, migrationsDir, 'writer'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const state = { acknowledged: 0 };
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => {
    state.acknowledged = Number(line);
  });
  const begun = new Promise<void>((resolve) => {
    lines.on('line', () => state.acknowledged > 3 && resolve());
  });
  return { child, state, begun, exited: once(child, 'exit') };
}

describe('A copy of the database', () => {
  it(`made while reports are written is whole, ${COPIES} times out of ${COPIES}: opened, it holds everything up to one moment`, async () => {
    const folder = freshFolder();
    const path = join(folder, 'holdfast.db');
    await (await open(path)).close();
    const writer = startWriter(path);
    await writer.begun;
    let before = 0;
    try {
      for (let n = 0; n < COPIES; n += 1) {
        const copy = join(folder, `copy-${n % 3}`);
        // What the store had acknowledged before the copy began, as this process has heard of it.
        const promised = writer.state.acknowledged;
        backUpStore(path, copy);
        assert.equal(existsSync(`${copy}-wal`), false);
        const restored = join(folder, 'restored.db');
        copyFileSync(copy, restored);
        const store = await open(restored);
        const host = 'host_writer' as Host['id'];
        const { seq } = await store.hosts.getEventPosition(host, 'epoch-kill');
        const run = (await store.runs.listRuns(DEFAULT_TENANT, {}, { limit: 1 })).rows[0];
        assert.ok(run);
        const lines = await store.logs.readLog(DEFAULT_TENANT, run.id, { after: Math.max(0, seq - 12), limit: 100 });
        await store.close();
        assert.ok(seq >= promised && seq >= before, `${seq} of ${promised}`);
        // Two events come before the first line, so that position and lines belong to one moment.
        assert.equal(lines.at(-1)?.n, seq - 2);
        before = seq;
        for (const file of readdirSync(folder)) if (file.startsWith('restored.db')) rmSync(join(folder, file));
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.ok(before > COPIES, 'reports went on being written');
    } finally {
      writer.child.kill('SIGKILL');
      await writer.exited;
    }
    assert.deepEqual(
      readdirSync(folder).filter((file) => file.endsWith('.making')),
      [],
    );
  });

  it('of a damaged database is refused, and the older copy stays', async () => {
    const path = join(freshFolder(), 'holdfast.db');
    const store = await open(path);
    for (let i = 0; i < 200; i += 1) await store.settings.putSetting(`name ${i}`, `value ${i}`);
    await store.close();
    const copy = `${path}-copy`.replace('holdfast.db-copy', 'older copy');
    const bytes = backUpStore(path, copy);
    assert.equal(statSync(copy).size, bytes);
    assert.equal(statSync(copy).mode & 0o777, 0o600);
    const file = openSync(path, 'r+');
    for (let at = 4096; at < statSync(path).size; at += 4096) writeSync(file, Buffer.alloc(64, 0xee), 0, 64, at);
    assert.throws(() => backUpStore(path, copy), { code: 'integrity' });
    assert.equal(statSync(copy).size, bytes);
    assert.equal(existsSync(`${copy}.making`), false);
  });

  it('is never made over the database or what belongs to it, nor where there is none', async () => {
    const folder = freshFolder();
    const path = join(folder, 'holdfast.db');
    assert.throws(() => backUpStore(path, join(folder, 'copy')), { code: 'invalid', message: /^HOLDFAST_DATA_DIR: /u });
    await (await open(path)).close();
    for (const target of [path, `${path}-wal`, `${path}.start`, `${folder}/../${made}/holdfast.db`])
      assert.throws(() => backUpStore(path, target), { code: 'invalid' }, target);
    assert.throws(() => backUpStore(path, folder), { code: 'invalid' });
    assert.throws(() => backUpStore(path, join(folder, 'nowhere', 'copy')), { code: 'invalid', message: /^--to: /u });
  });
});

describe('A copy that is put back over the database of a killed server', () => {
  /** A server that is told what to store, until it is killed. */
  function startServer(folder: string) {
    const fixture = join(import.meta.dirname, '../fixtures/serve-until-killed.ts');
    const child = spawn(process.execPath, [fixture, join(folder, 'holdfast.db'), migrationsDir], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    const answers = createInterface(child.stdout);
    return {
      async put(value: string) {
        const stored = once(answers, 'line');
        child.stdin.write(`${value}\n`);
        await stored;
      },
      async kill() {
        child.kill('SIGKILL');
        await exited;
      },
    };
  }

  let starts = 0;
  async function startAgain(folder: string) {
    starts += 1;
    const path = join(folder, 'holdfast.db');
    const aside = setAsideForeignLog(path);
    const store = await open(path);
    const { isReplaced } = await settleServerEpoch({ path, settings: store.settings, start: `start ${starts}` });
    const value = await store.settings.findSetting('value');
    await store.close();
    return { aside: aside !== undefined, isReplaced, value };
  }

  for (const kind of [
    'of an earlier life',
    'of the same life',
    'of the same life, made by other means and put back minutes later',
  ] as const) {
    it(`does not keep the log of the other database, also when it was written into the same file: one ${kind}`, async () => {
      const folder = freshFolder();
      const path = join(folder, 'holdfast.db');
      const copy = join(folder, 'copy');
      const earlier = startServer(folder);
      await earlier.put('copied');
      await earlier.kill();
      assert.deepEqual(await startAgain(folder), { aside: false, isReplaced: false, value: 'copied' });
      if (kind === 'of an earlier life') copyFileSync(path, copy);
      const server = startServer(folder);
      await server.put('copied');
      if (kind === 'of the same life') backUpStore(path, copy);
      if (kind === 'of the same life, made by other means and put back minutes later') {
        const db = new Database(path, { readonly: true });
        db.prepare('VACUUM INTO ?').run(copy);
        db.close();
      }
      await server.put('newest');
      await server.kill();
      assert.ok(statSync(`${path}-wal`).size > 0);
      const { ino, mtimeMs } = statSync(`${path}-wal`);
      // As `cp` does: the same file with other content.
      writeFileSync(path, readFileSync(copy));
      const later = mtimeMs / 1000 + 120;
      if (kind.endsWith('minutes later')) utimesSync(path, later, later);
      const again = await startAgain(folder);
      // Made by other means it has the stamp of its life, and its hosts are who notice.
      assert.deepEqual(again, { aside: true, isReplaced: !kind.endsWith('minutes later'), value: 'copied' });
      assert.equal(statSync(`${path}-wal.foreign`).ino, ino);
      assert.deepEqual(await startAgain(folder), { aside: false, isReplaced: false, value: 'copied' });
    });
  }

  it('leaves a killed server its own log, as often as it is killed', async () => {
    const folder = freshFolder();
    for (const value of ['one', 'two', 'three']) {
      const server = startServer(folder);
      await server.put(value);
      await server.kill();
      assert.equal(setAsideForeignLog(join(folder, 'holdfast.db')), undefined);
    }
    assert.deepEqual(await startAgain(folder), { aside: false, isReplaced: false, value: 'three' });
  });
});
