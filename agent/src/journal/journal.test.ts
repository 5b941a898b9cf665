import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createFixedClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import type { PlanId, RepositoryId, RunId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { AppError, type ErrorCode } from '@holdfast/shared/errors.ts';
import { JOURNAL, type Journal, openJournal } from './journal.ts';
import type { LedgerState } from './snapshot-ledger.ts';

const DAY = 24 * 3_600_000;
const START = Date.parse('2027-01-01T00:00:00Z');
const plan = 'plan_a' as PlanId;
const run = 'run_a' as RunId;
const throws = (code: ErrorCode) => (error: unknown) => error instanceof AppError && error.code === code;

describe('the journal', () => {
  const clock = createFixedClock(START);
  let stateDir: string;
  let journal: Journal;
  const open = () => openJournal({ stateDir, clock, randomBytes: systemRandomBytes, ballastBytes: 4096, pid: 4711 });
  const reopen = () => {
    journal.close();
    journal = open();
  };
  beforeEach(() => {
    clock.set(START);
    stateDir = join(mkdtempSync(join(tmpdir(), 'holdfast-journal-')), 'state');
    journal = open();
  });
  afterEach(() => {
    journal.close();
    rmSync(join(stateDir, '..'), { recursive: true });
  });

  it('is readable by nobody else', () => {
    journal.fires.consider(plan, 1);
    assert.equal(statSync(stateDir).mode & 0o777, 0o700);
    const names = readdirSync(stateDir);
    assert.ok(names.includes('journal.db-wal'));
    for (const name of names) assert.equal(statSync(join(stateDir, name)).mode & 0o777, 0o600, name);
  });

  it('is opened by one agent at a time, and says who has it', () => {
    assert.throws(open, (error) => throws('conflict')(error) && /process 4711/.test(String(error)));
    reopen();
  });

  it('refuses a damaged file and one of a newer agent with what to do about it', () => {
    journal.close();
    const path = join(stateDir, JOURNAL.fileName);
    const file = new DatabaseSync(path);
    file.exec('PRAGMA user_version = 99');
    file.close();
    assert.throws(open, throws('precondition'));
    rmSync(path);
    writeFileSync(path, 'this is no database, only a long enough line of text to be looked at'.repeat(100));
    assert.throws(open, (error) => throws('integrity')(error) && /move it away/.test(String(error)));
    rmSync(path);
    journal = open();
  });

  it('refuses a file that is damaged only in places', () => {
    const path = join(stateDir, JOURNAL.fileName);
    journal.transact(() => {
      for (let n = 0; n < 2000; n += 1) journal.fires.consider(plan, START + n);
    });
    journal.close();
    const whole = readFileSync(path);
    for (const [name, from, words] of [
      ['the table of tables', 100, /is damaged .*move it away/],
      ['the last pages', whole.length - 3 * 4096, /cannot be trusted: quick_check is /],
    ] as const) {
      const broken = Buffer.from(whole);
      broken.fill(0xff, from, from + 3000);
      writeFileSync(path, broken);
      assert.throws(open, (error) => throws('integrity')(error) && words.test(String(error)), name);
    }
    writeFileSync(path, whole);
    journal = open();
    assert.equal(journal.fires.consider(plan, START + 1), false);
  });

  it('refuses a transaction that awaits', () => {
    assert.throws(() => journal.transact(async () => journal.fires.consider(plan, 1)), throws('internal'));
    assert.equal(journal.fires.consider(plan, 1), true);
  });

  it('writes over all doors together or not at all', () => {
    const effects = (fail: boolean) => () => {
      journal.fires.consider(plan, 5);
      journal.runs.record({ run, kind: 'backup', plan, fireAt: 5, body: { a: 1 } });
      journal.orders.store('req_1', 'run.start', { run });
      if (fail) throw new Error('no');
    };
    assert.throws(() => journal.transact(effects(true)));
    assert.equal(journal.orders.find('req_1'), undefined);
    assert.equal(journal.runs.find(run), undefined);
    journal.transact(effects(false));
    assert.equal(journal.fires.consider(plan, 5), false);
  });

  it('keeps the newest spec and refuses an older one or another of the same version', () => {
    assert.equal(journal.spec.load(), undefined);
    journal.spec.save('{"version":2}', 'sig2', 2);
    journal.spec.save('{"version":2}', 'sig2', 2);
    assert.throws(() => journal.spec.save('{"version":1}', 'sig1', 1), throws('conflict'));
    assert.throws(() => journal.spec.save('{"other":2}', 'sig2', 2), throws('conflict'));
    journal.spec.save('{"version":3}', 'sig3', 3);
    reopen();
    assert.deepEqual({ ...journal.spec.load() }, { document: '{"version":3}', signature: 'sig3', version: 3 });
  });

  it('lists runs that nobody ended, with their processes, after a crash', () => {
    assert.equal(journal.runs.record({ run, kind: 'backup', plan, fireAt: 7, body: { sources: ['src_a'] } }), true);
    assert.equal(journal.runs.record({ run, kind: 'backup', body: null }), false);
    clock.advance(1);
    journal.runs.record({ run: 'run_b' as RunId, kind: 'restore', body: null });
    const process = { run, stage: 'dump' as const, pid: 12, startTime: 3456, bootId: 'boot' };
    journal.runs.recordProcess(process);
    journal.runs.recordProcess({ ...process, stage: 'store', pid: 13 });
    journal.runs.endProcess(run, 'store', 13);
    journal.runs.countLogLines(run, 10);
    journal.runs.countLogLines(run, 4);
    journal.runs.revise(run, { sources: ['src_b'] });
    reopen();
    assert.deepEqual(
      journal.runs.listOpen().map((open) => open.run),
      [run, 'run_b'],
    );
    assert.deepEqual(journal.runs.find(run), {
      run,
      kind: 'backup',
      plan,
      fireAt: 7,
      body: { sources: ['src_b'] },
      logLines: 10,
      openedAt: START,
      closedAt: undefined,
    });
    assert.deepEqual(journal.runs.listProcesses(), [process]);
    assert.deepEqual(journal.runs.listProcesses('run_b' as RunId), []);
    assert.equal(journal.runs.close(run), true);
    assert.equal(journal.runs.close(run), false);
    assert.deepEqual(journal.runs.listProcesses(run), []);
    assert.throws(() => journal.runs.revise(run, null), throws('not_found'));
    assert.equal(journal.runs.record({ run, kind: 'backup', body: null }), false);
  });

  it('gives a repeated order its first answer and undoes a second effect', () => {
    journal.orders.store('req_1', 'run.start', { run });
    assert.throws(
      () =>
        journal.transact(() => {
          journal.fires.consider(plan, 9);
          journal.orders.store('req_1', 'run.start', { run: 'run_other' });
        }),
      throws('conflict'),
    );
    assert.deepEqual(journal.orders.find('req_1'), { id: 'req_1', type: 'run.start', reply: { run } });
    assert.equal(journal.fires.consider(plan, 9), true);
  });

  it('knows processes that are gone until no lock of theirs can be left', () => {
    const [repository, other] = ['repo_a', 'repo_b'] as readonly string[] as [RepositoryId, RepositoryId];
    const ids = ['run_a', 'run_b', 'run_c'] as RunId[];
    for (const [index, id] of ids.entries()) {
      journal.runs.record({ run: id, kind: 'backup', plan, body: { repository: index === 2 ? other : repository } });
      journal.runs.recordProcess({ run: id, stage: 'dump', pid: 10 + index, startTime: 1, bootId: 'boot' });
    }
    clock.advance(5);
    journal.runs.endProcess(ids[0] as RunId, 'dump', 10);
    const restore = 'run_d' as RunId;
    journal.runs.record({ run: restore, kind: 'restore', body: { kind: 'restore' } });
    journal.runs.recordProcess({ run: restore, stage: 'restore', pid: 13, startTime: 1, bootId: 'boot' });
    for (const id of [...ids, restore]) journal.runs.close(id);
    reopen();
    assert.deepEqual(journal.runs.listProcesses(), []);
    const dead = () => journal.runs.listDead().map(({ pid, repository: where }) => [pid, where]);
    assert.deepEqual(dead(), [
      [10, repository],
      [11, repository],
      [12, other],
      [13, undefined],
    ]);
    assert.deepEqual(journal.runs.listDead()[0], {
      run: ids[0],
      stage: 'dump',
      pid: 10,
      startTime: 1,
      bootId: 'boot',
      recordedAt: START,
      endedAt: START + 5,
      repository,
    });
    journal.runs.forgetDead(ids[0] as RunId);
    journal.runs.forgetDead(restore);
    assert.deepEqual(dead(), [
      [11, repository],
      [12, other],
    ]);
    journal.runs.forgetDeadOf(repository);
    assert.deepEqual(dead(), [[12, other]]);
    journal.runs.purge(START + 6);
    assert.deepEqual(dead(), []);
  });

  it('gives each fire of a plan away once', () => {
    assert.equal(journal.fires.lastConsidered(plan), undefined);
    assert.equal(journal.fires.consider(plan, 1000), true);
    assert.equal(journal.fires.consider(plan, 1000), false);
    assert.equal(journal.fires.consider('plan_b' as PlanId, 1000), true);
    journal.fires.setLastConsidered(plan, 1000);
    journal.fires.setLastConsidered(plan, 900);
    reopen();
    assert.equal(journal.fires.lastConsidered(plan), 900);
  });

  it('lists what a plan made for its retention, newest first, without what goes on, is gone, or was recorded without its facts', () => {
    const repository = 'repo_a' as RepositoryId;
    const record = (engineId: string, createdAt: number | undefined, state: LedgerState) =>
      journal.snapshots.record({
        repository,
        engineId,
        snapshot: `snap_${engineId}` as SnapshotId,
        run,
        source: 'src_a' as SourceId,
        state,
        ...(createdAt === undefined
          ? {}
          : { facts: { plan, role: 'data', createdAt, sizeBytes: createdAt * 10, addedBytes: 1 } }),
      });
    record('old', 1, 'vouched');
    record('going', 2, 'made');
    record('partial', 3, 'partial');
    record('gone', 4, 'missing');
    record('removed', 5, 'removed');
    record('bad', 6, 'unvouched');
    record('new', 7, 'vouched');
    record('plain', undefined, 'vouched');
    journal.snapshots.markSuspicious(repository, 'new');
    reopen();
    assert.deepEqual(
      journal.snapshots.listByPlan(plan).map(({ engineId, isSuspicious, facts }) => [engineId, isSuspicious, facts.sizeBytes]),
      [
        ['new', true, 70],
        ['bad', false, 60],
        ['partial', false, 30],
        ['old', false, 10],
      ],
    );
    assert.deepEqual(journal.snapshots.listGoodSizes(plan, 'src_a' as SourceId, 5), [70, 10]);
    assert.deepEqual(journal.snapshots.listGoodSizes(plan, 'src_a' as SourceId, 1), [70]);
    journal.snapshots.purge(Number.MAX_SAFE_INTEGER);
    assert.equal(journal.snapshots.find(repository, 'removed'), undefined);
    assert.equal(journal.snapshots.listByRepository(repository).length, 7);
  });

  it('knows the snapshots of a repository and what stands for them', () => {
    const repository = 'repo_a' as RepositoryId;
    const made = (engineId: string, of: RunId) => ({
      repository,
      engineId,
      snapshot: `snap_${engineId}` as SnapshotId,
      run: of,
      source: 'src_a' as SourceId,
      state: 'made' as const,
    });
    journal.snapshots.record(made('e1', run));
    journal.snapshots.record(made('e2', run));
    journal.snapshots.record(made('e3', 'run_b' as RunId));
    journal.snapshots.setStateOfRun(run, 'vouched');
    journal.snapshots.setState(repository, 'e2', 'missing');
    reopen();
    assert.deepEqual(
      journal.snapshots.listByRepository(repository).map(({ engineId, state }) => [engineId, state]),
      [
        ['e1', 'vouched'],
        ['e2', 'missing'],
        ['e3', 'made'],
      ],
    );
    assert.equal(journal.snapshots.find('repo_b' as RepositoryId, 'e1'), undefined);
  });

  it('forgets orders, closed runs and fires after thirty days, and nothing that is open', () => {
    journal.orders.store('req_1', 'run.start', null);
    journal.runs.record({ run, kind: 'backup', body: null });
    journal.runs.record({ run: 'run_open' as RunId, kind: 'backup', body: null });
    journal.runs.close(run);
    journal.fires.consider(plan, START);
    journal.fires.consider(plan, START + 365 * DAY);
    clock.advance(30 * DAY);
    journal.purge();
    assert.ok(journal.orders.find('req_1') && journal.runs.find(run));
    assert.equal(journal.fires.consider(plan, START), false);
    clock.advance(1);
    journal.purge();
    assert.equal(journal.orders.find('req_1'), undefined);
    assert.equal(journal.runs.find(run), undefined);
    assert.equal(journal.runs.listOpen().length, 1);
    assert.equal(journal.fires.consider(plan, START), true);
    assert.equal(journal.fires.consider(plan, START + 365 * DAY), true);
  });
});
