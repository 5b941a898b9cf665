import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, openSync, readSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it, type TestContext } from 'node:test';
import { AppError } from '@holdfast/shared/errors.ts';
import Database from 'better-sqlite3';
import { createdEvent } from '../../contract/reports.ts';
import { sampleHost, sampleId, sampleSession, sampleUser } from '../../contract/samples.ts';
import type { Store } from '../../store.ts';
import { openSqliteStore, type SqliteStoreOptions } from '../open.ts';
import { type CheckReport, createIntegrityWatch, judgeReport } from './integrity.ts';

const OFFSETS = 500;
const VALUES = 300;
/** The page size of SQLite. */
const PAGE_BYTES = 4096;
// In memory: what is asked here does not depend on the disk.
const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'holdfast-integrity-'));
const migrationsDir = join(import.meta.dirname, '../../../../../migrations');
after(() => rmSync(directory, { recursive: true }));

let made = 0;
function freshPath(): string {
  made += 1;
  return join(directory, `${made}.db`);
}
const open = (path: string, change: Partial<SqliteStoreOptions> = {}) =>
  openSqliteStore({ path, migrationsDir, clock: { now: () => 7 }, ballastBytes: 0, ...change });
const textOf = (i: number) => `value ${i} ${'x'.repeat(i % 90)}`;

/** A database and its log as a killed server leaves them: half of the values in each. */
async function leaveBehind(): Promise<string> {
  const path = freshPath();
  const first = await open(path);
  for (let i = 0; i < VALUES / 2; i += 1) await first.settings.putSetting(`name ${i}`, textOf(i));
  await first.close();
  const second = await open(path);
  for (let i = VALUES / 2; i < VALUES; i += 1) await second.settings.putSetting(`name ${i}`, textOf(i));
  const left = freshPath();
  for (const suffix of ['', '-wal']) copyFileSync(`${path}${suffix}`, `${left}${suffix}`);
  await second.close();
  return left;
}

function copyPair(from: string): string {
  const to = freshPath();
  for (const suffix of ['', '-wal']) if (existsSync(`${from}${suffix}`)) copyFileSync(`${from}${suffix}`, `${to}${suffix}`);
  return to;
}

function flipBit(path: string, offset: number, bit: number): void {
  const handle = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(handle, byte, 0, 1, offset);
  byte[0] = (byte[0] ?? 0) ^ (1 << bit);
  writeSync(handle, byte, 0, 1, offset);
}

/** What the daily check does in its thread, without one for each of so many files. */
function readWholeFile(path: string): CheckReport {
  try {
    const db = new Database(path, { readonly: true });
    const text = String(db.pragma('quick_check(3)', { simple: true }));
    db.close();
    return { text };
  } catch (thrown) {
    assert.ok(thrown instanceof Database.SqliteError, String(thrown));
    return { text: thrown.message, code: thrown.code };
  }
}

/** Overwrites the head of every page but the first: the tree of no table can be followed any more. */
function ruin(path: string): void {
  const handle = openSync(path, 'r+');
  for (let at = PAGE_BYTES; at < statSync(path).size; at += PAGE_BYTES) writeSync(handle, Buffer.alloc(64, 0xee), 0, 64, at);
}

const codeOf = async (work: () => Promise<unknown>): Promise<string> => {
  try {
    await work();
    return 'done';
  } catch (thrown) {
    assert.ok(thrown instanceof AppError, String(thrown));
    return thrown.code;
  }
};

/** Opens, reads and writes; every failure must be one of ours. */
async function use(path: string): Promise<{ opened: string; wrong: number; wrote: string; wroteAfterDamage: number }> {
  let store: Store | undefined;
  const damage: string[] = [];
  const opened = await codeOf(async () => {
    store = await open(path, { onDamage: (text) => damage.push(text) });
  });
  if (store === undefined) return { opened, wrong: 0, wrote: 'not opened', wroteAfterDamage: 0 };
  let wrong = 0;
  let wroteAfterDamage = 0;
  for (let i = 0; i < VALUES; i += 1) {
    const read = await codeOf(async () => {
      const found = await store?.settings.findSetting(`name ${i}`);
      if (found !== undefined && found !== textOf(i)) wrong += 1;
    });
    assert.ok(['done', 'integrity'].includes(read), read);
  }
  const wrote = await codeOf(() => store?.settings.putSetting('name after', 'value') ?? Promise.resolve());
  if (damage.length > 0 && (await codeOf(() => store?.settings.putSetting('again', 'value') ?? Promise.resolve())) === 'done')
    wroteAfterDamage += 1;
  assert.ok(damage.length <= 1, 'told once');
  await store.close();
  return { opened, wrong, wrote, wroteAfterDamage };
}

describe('A database with a flipped bit', () => {
  it(`is refused, takes no writes, or works, at each of ${OFFSETS} places in it and in its log; nothing else ever happens`, async () => {
    const left = await leaveBehind();
    const pages = statSync(left).size;
    const log = statSync(`${left}-wal`).size;
    const seen = { refused: 0, noticed: 0, wroteAfterDamage: 0 };
    for (let n = 0; n < OFFSETS; n += 1) {
      const path = copyPair(left);
      // As many in the log as in the pages.
      if (n % 2 === 0) flipBit(path, Math.floor((pages * n) / OFFSETS), n % 8);
      else flipBit(`${path}-wal`, Math.floor((log * n) / OFFSETS), n % 8);
      const verdict = judgeReport(readWholeFile(path));
      const used = await use(path);
      if (used.opened !== 'done') {
        assert.ok(['integrity', 'precondition'].includes(used.opened), used.opened);
        seen.refused += 1;
      }
      if (verdict.kind === 'damaged') seen.noticed += 1;
      seen.wroteAfterDamage += used.wroteAfterDamage;
      // The log has checksums: what is damaged there is left out, and never read as something else.
      if (n % 2 === 1) assert.equal(used.wrong, 0);
      for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    }
    assert.equal(seen.wroteAfterDamage, 0);
    assert.ok(seen.refused > 0 && seen.noticed > 0, JSON.stringify(seen));
  });
});

describe('The daily check', () => {
  /** A store whose file is ruined while it is open, as a dying disk does it. */
  async function openRuined(t: TestContext) {
    const path = freshPath();
    const damage: string[] = [];
    const before = await open(path);
    const host = sampleHost();
    const user = sampleUser();
    const session = sampleSession(user);
    await before.hosts.insertHost(host);
    await before.people.insertUser(user);
    await before.people.insertSession(session);
    for (let i = 0; i < VALUES; i += 1) await before.settings.putSetting(`name ${i}`, textOf(i));
    await before.close();
    let wake: () => void = () => undefined;
    const told = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const store = await open(path, {
      checks: { firstMs: 1, everyMs: 86_400_000 },
      onDamage(text) {
        damage.push(text);
        wake();
      },
    });
    t.after(() => store.close());
    // What was read before stays in SQLite's own memory, which is what a server lives on when its disk goes bad.
    assert.equal((await store.people.findSession(session.tokenHash, session.createdAt))?.session.id, session.id);
    assert.equal(await store.settings.findSetting('name 7'), textOf(7));
    ruin(path);
    return { store, host, session, damage, told };
  }

  it('finds damage nobody met, says what to do, and from then on nothing is acknowledged while people still see', async (t) => {
    const { store, host, session, damage, told } = await openRuined(t);
    await told;
    assert.match(damage[0] ?? '', /is damaged \(.+\): nothing is written to it any more.*put a copy back/su);
    const report = () =>
      store.events.applyEvents(host.tenant, host.id, 'epoch', [{ seq: 1, event: createdEvent(sampleId('run')) }], 7);
    await assert.rejects(report, { code: 'integrity', message: /stop the server and put a copy of it back/u });
    await assert.rejects(store.settings.putSetting('n', '1'), { code: 'integrity' });
    await assert.rejects(store.probe(), { code: 'integrity' });
    assert.equal(await store.settings.findSetting('name 7'), textOf(7));
    await store.people.touchSession(session.id, session.createdAt + 1);
    assert.equal(damage.length, 1);
  });

  it('finds nothing in a whole file that is being written, and a file cut short at once', async () => {
    const path = freshPath();
    const store = await open(path);
    const said: string[] = [];
    const watch = createIntegrityWatch({ path, onDamage: (text) => said.push(text) });
    const checked = watch.check();
    for (let i = 0; i < 200; i += 1) await store.settings.putSetting(`name ${i}`, textOf(i));
    await checked;
    assert.deepEqual([watch.isDamaged, said], [false, []]);
    await store.close();
    truncateSync(path, statSync(path).size - PAGE_BYTES * 2);
    await watch.check();
    assert.equal(watch.isDamaged, true);
    assert.throws(() => watch.guard(), { code: 'integrity' });
  });

  it('that cannot look says so and stops nothing', async () => {
    const said: string[] = [];
    const watch = createIntegrityWatch({ path: join(directory, 'nothing-here.db'), onDamage: (text) => said.push(text) });
    await watch.check();
    assert.equal(watch.isDamaged, false);
    assert.match(said.join(), /could not be checked/u);
    watch.guard();
  });
});
